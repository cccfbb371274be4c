"""The scripts of the Redis broker; Redis runs each as a whole (https://redis.io/docs/latest/develop/programmability/eval-intro/)."""

from __future__ import annotations

ENQUEUE = """
local prefix = ARGV[1]
local woken = {}
for i = 2, #ARGV, 3 do
  local stream, due, message = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  redis.call('SADD', prefix .. 'queues', stream)
  if tonumber(due) > 0 then
    redis.call('ZADD', prefix .. 'delayed', due, stream .. '\\n' .. message)
  else
    redis.call('XADD', stream, '*', 'm', message)
  end
  if not woken[stream] then
    woken[stream] = true
    redis.call('PUBLISH', prefix .. 'wake', stream)
  end
end
return 1
"""
"""Arguments: prefix, then stream, due time and message of each. Stores them and tells the workers."""

PROMOTE = """
local prefix, now, most = ARGV[1], ARGV[2], ARGV[3]
local due = redis.call('ZRANGEBYSCORE', prefix .. 'delayed', '-inf', now, 'LIMIT', 0, most)
for _, member in ipairs(due) do
  local stop = string.find(member, '\\n', 1, true)
  local stream = string.sub(member, 1, stop - 1)
  redis.call('SADD', prefix .. 'queues', stream)
  redis.call('XADD', stream, '*', 'm', string.sub(member, stop + 1))
  redis.call('ZREM', prefix .. 'delayed', member)
end
return #due
"""
"""Arguments: prefix, the time, most messages. Moves what is due into its stream."""

SETTLE = """
local prefix, group, worker, keep = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local count = 0
for i = 5, #ARGV, 7 do
  local action, stream, entry = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local id, due, text, result = ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  local pending = redis.pcall('XPENDING', stream, group, entry, entry, 1, worker)
  if type(pending) == 'table' and not pending.err and #pending == 1 then
    if action == 'retry' then
      redis.call('ZADD', prefix .. 'delayed', due, stream .. '\\n' .. text)
    elseif action == 'dead' then
      redis.call('HSET', prefix .. 'dead', id, text)
    elseif action == 'release' then
      local found = redis.call('XRANGE', stream, entry, entry)
      if #found == 1 then
        redis.call('XADD', stream, '*', unpack(found[1][2]))
        redis.call('PUBLISH', prefix .. 'wake', stream)
      end
    end
    if result ~= '' then
      redis.call('SET', prefix .. 'result:' .. id, result, 'EX', keep)
    end
    redis.call('XACK', stream, group, entry)
    redis.call('XDEL', stream, entry)
    count = count + 1
  end
end
return count
"""
"""Arguments: prefix, group, worker, seconds to keep results, then action, stream, entry, message id, due time, text and
result of each message. Leaves alone what is not pending for the worker."""

TAKE_BACK = """
local prefix, group, worker = ARGV[1], ARGV[2], ARGV[3]
local count = 0
for _, stream in ipairs(KEYS) do
  local pending = redis.pcall('XPENDING', stream, group, '-', '+', 100000, worker)
  if type(pending) == 'table' and not pending.err then
    for _, one in ipairs(pending) do
      local found = redis.call('XRANGE', stream, one[1], one[1])
      if #found == 1 then
        redis.call('XADD', stream, '*', unpack(found[1][2]))
        count = count + 1
      end
      redis.call('XACK', stream, group, one[1])
      redis.call('XDEL', stream, one[1])
    end
    redis.pcall('XGROUP', 'DELCONSUMER', stream, group, worker)
    if #pending > 0 then
      redis.call('PUBLISH', prefix .. 'wake', stream)
    end
  end
end
redis.call('HDEL', prefix .. 'workers', worker)
return count
"""
"""Keys: the streams. Arguments: prefix, group, worker. Puts back what a worker has, and forgets the worker."""

CLAIM_SLOT = """
local last = redis.call('HGET', KEYS[1], ARGV[1])
if last and tonumber(last) >= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] then
  local prefix, stream = ARGV[3], ARGV[4]
  redis.call('SADD', prefix .. 'queues', stream)
  redis.call('XADD', stream, '*', 'm', ARGV[5])
  redis.call('PUBLISH', prefix .. 'wake', stream)
end
return 1
"""
"""Key: the hash of slots. Arguments: the job's name and the slot; and prefix, stream and message of what to store with it."""
