-- Gives back a job that was taken and not begun: it costs no try, and nothing is held against it.
--
-- KEYS: job hash, started registry, queue list, bell (list)
-- ARGV: registry entry, job id, execution id, seconds to wait
-- Gives 1, or 0 when the job is no longer this try's.
--
-- With seconds to wait it is put off: it waits as a lease that nobody renews, and then goes to the end
-- of its queue (recover.lua). Without, it goes to the front at once.
local fields = redis.call('HMGET', KEYS[1], 'status', 'firstpass_execution')
if fields[1] ~= 'started' or fields[2] ~= ARGV[3] then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 0
end
if tonumber(ARGV[4]) > 0 then
  local time = redis.call('TIME')
  redis.call('HSET', KEYS[1], 'firstpass_put_off', ARGV[3])
  redis.call('ZADD', KEYS[2], string.format('%.3f', -(time[1] + time[2] / 1e6 + ARGV[4])), ARGV[1])
  return 1
end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[1], 'status', 'queued')
redis.call('HDEL', KEYS[1], 'firstpass_execution')
redis.call('LPUSH', KEYS[3], ARGV[2])
redis.call('LPUSH', KEYS[4], 1)
redis.call('LTRIM', KEYS[4], 0, 7)
return 1
