"""Names that only look unused, each with who uses it; read by `vulture`, never run.

A name goes in here when Python, a package or a person's project calls it. Dead code is removed instead.
"""

from __future__ import annotations

from types import SimpleNamespace as Any

name = Any()

# Read by the ORM from the class body.
name.Meta

# What the type checker asks of model classes: `Post.author == ada`.
name.__eq__
name.__ne__

# Options of every cache, which a mapping is checked against.
name.lock_lease
name.lock_wait

# What `@cached` makes of a function, for the type checker.
name.__call__

# Fields of the account and task tables: columns that queries name as text.
name.can_create
name.can_delete
name.can_read
name.can_update
name.content_type_id
name.cron_description
name.duration_ms
name.ends_at
name.error_traceback
name.last_enqueued_at
name.last_slot
name.permission_id
name.return_value
name.role_profile
name.trigger_source
name.updated_at

# Operators of computed numbers: people's expressions call them.
name.__add__
name.__radd__
name.__sub__
name.__rsub__
name.__mul__
name.__rmul__
name.__truediv__
name.__rtruediv__
name.__mod__
name.__pow__

# Settings that a class of a library reads from its subclass: reprlib.Repr, Jinja's sandbox.
name.maxlevel
name.maxlong
name.maxother
name.maxstring
name.maxdict
name.maxlist
name.maxset
name.maxtuple
name.intercepted_binops

# Settings that `core/email/config.py` and `db/connections/options.py` put together from a prefix.
name.DEFAULT_FROM_EMAIL
name.EMAIL_BACKEND
name.EMAIL_BACKGROUND
name.EMAIL_CA_FILE
name.EMAIL_FAIL_SILENTLY
name.EMAIL_FILE_PATH
name.EMAIL_PASSWORD
name.EMAIL_SPOOL_DIR
name.EMAIL_TIMEOUT
name.EMAIL_USERNAME
name.EMAIL_USE_SSL

# Called by Python: dataclasses, importlib, html.parser, urllib, io, smtplib.
name.__init_subclass__
name.baseFilename
name.create_module
name.handle_comment
name.handle_data
name.handle_startendtag
name.handle_starttag
name.http_error_300
name.http_error_301
name.http_error_303
name.http_error_305
name.http_error_307
name.http_error_308
name.http_request
name.https_open
name.https_request
name.local_hostname
name.makefile
name.newurl
name.readable
name.readinto
name.source_address

# Called by packages: pytest's hooks and fixtures, IPython, uvicorn, psycopg, PyMySQL.
name._openviper_project
name.autoawait
name.banner1
name.iter_py_files
name.load_application
name.loop_runner
name.mailoutbox
name.prepared_max
name.asyncSetUp
name.slow_callback_duration
name.__instancecheck__
name.__subclasscheck__
name.utcnow
name.invoke
name.transactional_db
name.migrated_db
name.isolated_db
name.setup_test_database
name.live_server
name.user_factory
name.auth_client
name.admin_client
name.authenticated_client
name.admin_authenticated_client
name.tmp_storage
name.uploaded_file
name.cli_runner
name.openapi_schema
name.event_recorder
name.clear_cache
name.should_exit
name.pytest_addoption
name.pytest_sessionstart
name.pytest_sessionfinish
name.pytest_terminal_summary
name.pytest_collect_file
name.pytest_collection_modifyitems
name.pytest_configure
name.pytest_fixture_setup
name.pytest_pyfunc_call
name.runcode
name.task_queue
name.task_runner
name.unbuffered_active

# Found by name: `tasks retry` and `tasks purge`, the backup engines by the scheme of a URL, database routers.
name._purge
name._metrics
name._retry
name._run_now
name._resume
name.db_for_read
name.db_for_write
name.MSSQLBackupEngine
name.OracleBackupEngine
name.PostgresBackupEngine

# Handlers of routes: their decorator keeps them.
name.overview

# For people's projects; what is public and has no caller of ours.
name.ServiceUnavailable
name.asend
name.bootstrap_and_run
name.is_secure
name.style_bold
name.style_dim
name.style_notice
name.validation_errors

# Keys of typed dictionaries and records that are read as text or written to JSON.
name.changed_at
name.db_default
name.not_found
name.noted_at
name.old_table_name
name.older_names
name.openviper_version
name.target_table
name.trace_id

# Arguments that a contract of Python's names.
name.exc_type

# A permission's rows, for the queries of people's handlers.
name.for_user

# Sessions are used like mappings.
name.__getitem__
name.__setitem__
name.__delitem__
name.__contains__

# Sent by the scheduler.
name.clear_expired_sessions
name.clear_failed_logins
name.clear_old_account_events

# Named in the settings as text.
name.ModelBackend
name.not_common
name.not_personal
name.no_blocked_words

# Read by hooks of projects.
name.auth_backend

# Recorded by the pages of accounts and by projects.
name.EMAIL_VERIFIED
name.PASSWORD_RESET_ASKED
name.PASSWORD_RESET
name.TWO_FACTOR_OFF
name.TWO_FACTOR_FAILED
name.RECOVERY_CODE_USED

# Permissions are joined like conditions.
name.__invert__

# Imported by its name where a project asks for it.
name.check_at_start

# Attributes that the standard library reads.
name.compress_type
name.create_system
name.dist
name.external_attr

# Read and called by `http.server` and `socketserver`.
name.address_family
name.sys_version
name.daemon_threads
name.do_GET
name.do_HEAD
name.log_message

# Columns that are named in queries.
name.handle_hash
name.token_hash

# Read by the templates of account pages.
name.autocomplete

# What the event loop calls of `openviper.ai.http.wire.Wire`.
name.connection_made
name.data_received
name.eof_received
name.connection_lost
name.pause_writing
name.resume_writing

# An option of calls, read as a key.
name.top_p

# Read by the template of the API's page.
name.body_kind
name.body_fields
name.body_example
name.is_guarded
name.answers

# Looked for in the class itself, not in those derived from it.
name.request_shortcut
name.offered_in

# What account pages answer to programs, as the document of an API shows it.
name.second_factor_required
name.recovery_codes

# An argument of an application, read by its name.
name.openapi_url

# Imported by their dotted path: a project has one of them.
name.PostgreSQLStore
name.MySQLStore
