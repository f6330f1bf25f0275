-- Puts a job back that says it waits, and is in no queue, or is being run, and nobody holds it.
--
-- KEYS: job hash, its queue list, started registry, bell (list), all queue lists
-- ARGV: job id
-- Gives 1 when it was put back (or, being a mere remainder, removed).
local fields = redis.call('HMGET', KEYS[1], 'status', 'firstpass_execution', 'data')
if fields[1] == 'queued' then
  for i = 5, #KEYS do
    if redis.call('LPOS', KEYS[i], ARGV[1]) then return 0 end
  end
elseif fields[1] == 'started' then
  local entry = ARGV[1] .. ':' .. (fields[2] or '')
  if redis.call('ZSCORE', KEYS[3], entry) then return 0 end
else
  return 0
end
if not fields[3] then
  redis.call('DEL', KEYS[1])
  return 1
end
redis.call('HSET', KEYS[1], 'status', 'queued')
redis.call('HDEL', KEYS[1], 'firstpass_execution')
redis.call('LPUSH', KEYS[2], ARGV[1])
redis.call('LPUSH', KEYS[4], 1)
redis.call('LTRIM', KEYS[4], 0, 7)
return 1
