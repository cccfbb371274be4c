"""The scripts of the Redis broker; Redis runs each as a whole (https://redis.io/docs/latest/develop/programmability/eval-intro/)."""

from __future__ import annotations

from openviper.tasks.brokers.keeping import KEEP_FLOWS

_STORE = """
local function store(prefix, stream, due, message)
  redis.call('SADD', prefix .. 'queues', stream)
  if tonumber(due) > 0 then
    redis.call('ZADD', prefix .. 'delayed', due, stream .. '\\n' .. message)
  else
    redis.call('XADD', stream, '*', 'm', message)
  end
  redis.call('PUBLISH', prefix .. 'wake', stream)
end
"""
"""Lua: stores a message and tells the workers."""

_TAKE_UNIQUE = """
local function take_unique(prefix, now, key, id, scope, until_)
  local present = redis.call('HGET', prefix .. 'unique', key)
  if present then
    local first = string.find(present, ' ', 1, true) or 0
    local holder, ends = string.sub(present, 1, first - 1), tonumber(string.sub(present, first + 1))
    if ends and (ends == 0 or ends > tonumber(now)) then
      return holder
    end
  end
  redis.call('HSET', prefix .. 'unique', key, id .. ' ' .. until_)
  return false
end
"""
"""Lua: takes a unique key, or returns the id of the message that has it."""

ENQUEUE_PLAIN = """
local prefix = ARGV[1]
local woken = {}
for i = 2, #ARGV, 3 do
  local stream, due, message = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if tonumber(due) > 0 then
    redis.call('ZADD', prefix .. 'delayed', due, stream .. '\\n' .. message)
  else
    redis.call('XADD', stream, '*', 'm', message)
  end
  if not woken[stream] then
    woken[stream] = true
    redis.call('SADD', prefix .. 'queues', stream)
    redis.call('PUBLISH', prefix .. 'wake', stream)
  end
end
return 1
"""
"""Arguments: prefix, then stream, due time and message of each. Stores them and tells the workers."""

ENQUEUE = (
    _STORE
    + _TAKE_UNIQUE
    + """
local prefix, now, group_id, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if group_id ~= '' then
  local key = prefix .. 'group:' .. group_id
  redis.call('HSET', key, 'total', ARGV[5], 'done', 0, 'failed', 0, 'then', ARGV[6], 'failure', ARGV[7])
  redis.call('EXPIRE', key, keep)
end
local holders = {}
for i = 8, #ARGV, 7 do
  local unique = ARGV[i + 3]
  local holder = false
  if unique ~= '' then
    holder = take_unique(prefix, now, unique, ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
  end
  if not holder then
    store(prefix, ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
  holders[#holders + 1] = holder or ''
end
return holders
"""
)
"""Arguments: prefix, the time, group (id or empty, seconds to keep it, total, the two callbacks), then stream, due time,
message, unique key or empty, id, scope and end of the key of each. Returns for each the id of the message that is in its place."""

PROMOTE = """
local prefix, now, most = ARGV[1], ARGV[2], ARGV[3]
local due = redis.call('ZRANGEBYSCORE', prefix .. 'delayed', '-inf', now, 'LIMIT', 0, most)
for _, member in ipairs(due) do
  local stop = string.find(member, '\\n', 1, true)
  if stop then
    local stream = string.sub(member, 1, stop - 1)
    redis.call('SADD', prefix .. 'queues', stream)
    redis.call('XADD', stream, '*', 'm', string.sub(member, stop + 1))
  else
    redis.call('HSET', prefix .. 'dead', 'delayed-' .. redis.sha1hex(member), cjson.encode(
      {message = member, error = 'BadMessageError: what is stored is not a message', at = tonumber(now)}))
  end
  redis.call('ZREM', prefix .. 'delayed', member)
end
return #due
"""
"""Arguments: prefix, the time, most messages. Moves what is due into its stream, and what is no message to the dead ones."""

_FREE_PERMIT = """
local function wake_next(prefix, key)
  while true do
    local member = redis.call('LPOP', prefix .. 'parked:' .. key)
    if not member then
      return
    end
    if redis.call('ZREM', prefix .. 'delayed', member) == 1 then
      local stop = string.find(member, '\\n', 1, true)
      local stream = string.sub(member, 1, stop - 1)
      redis.call('XADD', stream, '*', 'm', string.sub(member, stop + 1), 'l', key)
      redis.call('PUBLISH', prefix .. 'wake', stream)
      return
    end
  end
end
local function free_permit(prefix, key, id)
  redis.call('HDEL', prefix .. 'permits:' .. key, id)
  wake_next(prefix, key)
end
"""
"""Lua: gives a permit back, and makes the next message ready that waits for it; its entry tells what it was woken for."""

WAKE_NEXT = _FREE_PERMIT + "wake_next(ARGV[1], ARGV[2])"
"""Arguments: prefix, the key of a limit. Makes the next message ready that waits for it."""

_COUNT_IN_GROUP = f"""
local keep_ended = {KEEP_FLOWS}
"""
_COUNT_IN_GROUP += """
local function count_in_group(prefix, group_id, has_failed, time)
  local key = prefix .. 'group:' .. group_id
  if redis.call('EXISTS', key) == 0 then
    return
  end
  redis.call('HINCRBY', key, has_failed and 'failed' or 'done', 1)
  local now = redis.call('HMGET', key, 'total', 'done', 'failed', 'then', 'failure')
  if tonumber(now[1]) == tonumber(now[2]) + tonumber(now[3]) then
    redis.call('EXPIRE', key, keep_ended)
    local callback = tonumber(now[3]) > 0 and now[5] or now[4]
    if callback ~= '' then
      local message = cjson.decode(callback)
      local due = message[2] > 0 and time + message[2] or message[3]
      local times = string.format('{"sent_at":%.6f,"due":%.6f,', time, due)
      store(prefix, message[1], due > tonumber(time) and string.format('%.6f', due) or '0', times .. message[4])
    end
  end
end
"""
"""Lua, after `_STORE`: counts the end of a member of a group, and sends the group's callback after the last one."""

SETTLE = (
    _STORE
    + _FREE_PERMIT
    + _COUNT_IN_GROUP
    + """
local prefix, group, worker, keep, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local count = 0
for i = 6, #ARGV do
  local end_ = cjson.decode(ARGV[i])
  local stream, entry, id = end_.stream, end_.entry, end_.id
  local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1, worker)
  if type(pending) == 'table' and not pending.err and #pending == 1 then
    if end_.action == 'retry' then
      redis.call('ZADD', prefix .. 'delayed', end_.due, end_.target .. '\\n' .. end_.text)
    elseif end_.action == 'dead' then
      redis.call('HSET', prefix .. 'dead', id, end_.text)
    elseif end_.action == 'release' then
      store(prefix, end_.target, '0', end_.text)
    end
    if end_.limit then
      free_permit(prefix, end_.limit, id)
    end
    for _, told in ipairs(end_.told or {}) do
      redis.call('SET', prefix .. 'result:' .. told, end_.result)
      if tonumber(keep) > 0 then
        redis.call('PEXPIRE', prefix .. 'result:' .. told, keep)
      end
    end
    if end_.action == 'done' or end_.action == 'dead' then
      redis.call('SREM', prefix .. 'cancel', id)
      if end_.unique then
        local present = redis.call('HGET', prefix .. 'unique', end_.unique)
        if present and string.sub(present, 1, #id + 1) == id .. ' ' then
          redis.call('HDEL', prefix .. 'unique', end_.unique)
        end
      end
      for _, following in ipairs(end_.follow or {}) do
        store(prefix, following[1], following[2], following[3])
      end
      if end_.group then
        count_in_group(prefix, end_.group, end_.failed, now)
      end
    end
    redis.call('XACK', stream, group, entry)
    redis.call('XDEL', stream, entry)
    count = count + 1
  end
end
return count
"""
)
"""Arguments: prefix, group, worker, milliseconds to keep results or 0 for ever, the time, then each end as JSON. Leaves alone what is not
pending for the worker."""

BURY = """
local prefix, group, stream, entry, text = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
redis.call('HSET', prefix .. 'dead', stream .. '/' .. entry, text)
redis.call('XACK', stream, group, entry)
redis.call('XDEL', stream, entry)
return 1
"""
"""Arguments: prefix, group, stream, entry, text. Makes an entry dead that cannot be read as a message."""

TAKE_BACK = (
    _FREE_PERMIT
    + """
local prefix, group, worker, me = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local counts, limit = tonumber(ARGV[5]), tonumber(ARGV[6])
local count, culprits = 0, {}
for _, stream in ipairs(KEYS) do
  local pending = redis.pcall('XPENDING', stream, group, '-', '+', 100000, worker)
  if type(pending) == 'table' and not pending.err then
    for _, item in ipairs(pending) do
      local entry = item[1]
      local found = redis.call('XRANGE', stream, entry, entry)
      local fields = #found == 1 and found[1][2] or {}
      local message, lost, woken_for = nil, 0, nil
      for i = 1, #fields, 2 do
        if fields[i] == 'm' then message = fields[i + 1] end
        if fields[i] == 'd' then lost = tonumber(fields[i + 1]) end
        if fields[i] == 'l' then woken_for = fields[i + 1] end
      end
      local kind = string.sub(stream, #prefix + 1, #prefix + 2)
      if kind == 's:' and lost == 0 then
        lost = 1
      end
      lost = lost + counts
      if lost >= limit and counts > 0 then
        redis.call('XCLAIM', stream, group, me, 0, entry, 'JUSTID')
        culprits[#culprits + 1] = stream
        culprits[#culprits + 1] = entry
        culprits[#culprits + 1] = message or ''
      else
        if message then
          local target = stream
          if lost > 0 then
            target = prefix .. 's:' .. string.sub(stream, #prefix + 3)
            redis.call('SADD', prefix .. 'queues', target)
          end
          if woken_for then
            redis.call('XADD', target, '*', 'm', message, 'd', lost, 'l', woken_for)
          else
            redis.call('XADD', target, '*', 'm', message, 'd', lost)
          end
          redis.call('PUBLISH', prefix .. 'wake', target)
          count = count + 1
        end
        redis.call('XACK', stream, group, entry)
        redis.call('XDEL', stream, entry)
      end
    end
    redis.pcall('XGROUP', 'DELCONSUMER', stream, group, worker)
  end
end
for _, key in ipairs(redis.call('SMEMBERS', prefix .. 'limits')) do
  local holders = redis.call('HGETALL', prefix .. 'permits:' .. key)
  for i = 1, #holders, 2 do
    if holders[i + 1] == worker then
      free_permit(prefix, key, holders[i])
    end
  end
end
redis.call('HDEL', prefix .. 'workers', worker)
table.insert(culprits, 1, count)
return culprits
"""
)
"""Keys: the streams. Arguments: prefix, group, the worker, who asks, 1 if its death counts, and how many deaths are too many.
Puts back what the worker has and forgets it; hands what has killed too often to whoever asks: stream, entry and message."""

ADMIT = (
    _FREE_PERMIT
    + """
local prefix, group, worker, stream, entry = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local id, text, now, key = ARGV[6], ARGV[7], tonumber(ARGV[8]), ARGV[9]
local most, interval, window, parked = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13])
local woken_for = ARGV[15]
local function put_off(due)
  redis.call('ZADD', prefix .. 'delayed', string.format('%.6f', due), stream .. '\\n' .. text)
  redis.call('XACK', stream, group, entry)
  redis.call('XDEL', stream, entry)
  return string.format('%.6f', due)
end
local mine = redis.pcall('XPENDING', stream, group, entry, entry, 1, worker)
if type(mine) ~= 'table' or mine.err or #mine == 0 then
  return string.format('%.6f', now)
end
if woken_for ~= '' and woken_for ~= key then
  wake_next(prefix, woken_for)
end
-- Not its own permit: it may have one from a try before, whose answer was lost.
local own = redis.call('HEXISTS', prefix .. 'permits:' .. key, id)
if most > 0 and redis.call('HLEN', prefix .. 'permits:' .. key) - own >= most then
  redis.call(woken_for == key and 'LPUSH' or 'RPUSH', prefix .. 'parked:' .. key, stream .. '\\n' .. text)
  return put_off(now + parked)
end
if interval > 0 then
  local stored = redis.call('HGET', prefix .. 'rates', key)
  local free_at, tail_at = 0, 0
  if stored then
    local space = string.find(stored, ' ', 1, true)
    free_at, tail_at = tonumber(string.sub(stored, 1, space - 1)), tonumber(string.sub(stored, space + 1))
  end
  if free_at > now + window + tonumber(ARGV[14]) then
    free_at, tail_at = 0, 0
  end
  free_at = math.max(free_at, now)
  local burst = window - interval
  local again_at = nil
  if free_at - now <= burst + 0.000001 then
    free_at = free_at + interval
  else
    tail_at = math.max(free_at - burst, tail_at + interval)
    again_at = tail_at
  end
  redis.call('HSET', prefix .. 'rates', key, string.format('%.6f %.6f', free_at, tail_at))
  if again_at then
    local answer = put_off(again_at)
    if woken_for == key then
      wake_next(prefix, key)
    end
    return answer
  end
end
if most > 0 then
  redis.call('HSET', prefix .. 'permits:' .. key, id, worker)
  redis.call('SADD', prefix .. 'limits', key)
end
return '0'
"""
)
"""Arguments: prefix, group, worker, stream, entry, id, message, the time, key, most at a time or 0, seconds from call to call
or 0 and the seconds of the whole allowance, seconds of parking, seconds by which a clock may be wrong, the limit for which it was
woken or empty. Returns when to look again; 0 if the call may run; now if it is not the worker's any more. The
arithmetic is that of `openviper.tasks.limits.take_call`."""

MOVE = (
    _STORE
    + """
local prefix, place, member, stream, text, group_id = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local gone
if place == 'dead' then
  gone = redis.call('HDEL', prefix .. 'dead', member)
else
  gone = redis.call('ZREM', prefix .. 'delayed', member)
end
if gone == 1 then
  store(prefix, stream, '0', text)
  local key = prefix .. 'group:' .. group_id
  if place == 'dead' and group_id ~= '' and tonumber(redis.call('HGET', key, 'failed') or 0) > 0 then
    redis.call('HINCRBY', key, 'failed', -1)
  end
end
return gone
"""
)
"""Arguments: prefix, ``dead`` or ``delayed``, what it is known by there, stream, text, group or empty. Makes a message ready, once;
its group counts a dead one no more."""

LOSE_MEMBER = _STORE + _COUNT_IN_GROUP + "count_in_group(ARGV[1], ARGV[2], true, ARGV[3])"
"""Arguments: prefix, group, the time. Counts a member that was removed."""

SWAP_SLOT = (
    _STORE
    + _TAKE_UNIQUE
    + """
local prefix, name, before, after, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local present = redis.call('HGET', prefix .. 'slots', name) or ''
if present ~= before and not (before == '' and string.sub(present, 1, 1) ~= '[') then
  return 0
end
redis.call('HSET', prefix .. 'slots', name, after)
if ARGV[6] then
  local holder = false
  if ARGV[9] ~= '' then
    holder = take_unique(prefix, now, ARGV[9], ARGV[10], ARGV[11], ARGV[12])
  end
  if not holder then
    store(prefix, ARGV[6], ARGV[7], ARGV[8])
  end
end
return 1
"""
)
"""Arguments: prefix, the job's name, the slot before or empty, the slot after, the time; and as in `ENQUEUE` stream, due time,
message and unique key of what to store with it."""
