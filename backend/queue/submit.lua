-- Submits one image's request in one atomic step: finished before, under way, queued, or refused.
--
-- KEYS: job hash, queue list, result, waiters (set), bell (list), all queues (set)
-- ARGV: job id, queue name, queue limit, reply channel or '', 1 when interactive,
--       seconds a waiter is remembered, then the job's fields and values
-- Gives {'hit', result}, {'joined'}, {'busy'} or {'queued'}.
local result = redis.call('GET', KEYS[3])
if result then return {'hit', result} end

local function wait_for_it()
  if ARGV[4] ~= '' then
    redis.call('SADD', KEYS[4], ARGV[4])
    redis.call('EXPIRE', KEYS[4], ARGV[6])
  end
end
local function ring()
  redis.call('LPUSH', KEYS[5], 1)
  redis.call('LTRIM', KEYS[5], 0, 7)
end

local status = redis.call('HGET', KEYS[1], 'status')
if status == 'queued' or status == 'started' then
  if status == 'queued' and ARGV[5] == '1' and redis.call('HGET', KEYS[1], 'origin') ~= ARGV[2] then
    -- Promoted: now in both lists; whichever copy is taken first wins, the other is dropped.
    redis.call('RPUSH', KEYS[2], ARGV[1])
    redis.call('HSET', KEYS[1], 'origin', ARGV[2])
    ring()
  end
  wait_for_it()
  return {'joined'}
end

if redis.call('LLEN', KEYS[2]) >= tonumber(ARGV[3]) then return {'busy'} end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 7))
redis.call('RPUSH', KEYS[2], ARGV[1])
redis.call('SADD', KEYS[6], KEYS[2])
wait_for_it()
ring()
return {'queued'}
