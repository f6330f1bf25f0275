-- Notes that a taken job is about to be worked on, unless it was cancelled or deleted meanwhile.
--
-- KEYS: job hash, started registry
-- ARGV: registry entry, execution id, 'alone' or 'company', then fields and values for the job hash
-- Gives 1, or 0 when the job is no longer this try's.
local fields = redis.call('HMGET', KEYS[1], 'status', 'firstpass_execution')
if fields[1] ~= 'started' or fields[2] ~= ARGV[2] then
  redis.call('ZREM', KEYS[2], ARGV[1])
  return 0
end
redis.call('HSET', KEYS[1], 'firstpass_begun', ARGV[2] .. ':' .. ARGV[3], unpack(ARGV, 4))
return 1
