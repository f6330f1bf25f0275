-- Prolongs leases that are still held; one that was taken away is not brought back.
--
-- KEYS: started registry   ARGV: lease in seconds, registry entries
local time = redis.call('TIME')
local score = string.format('%.3f', -(time[1] + time[2] / 1e6 + ARGV[1]))
for i = 2, #ARGV do
  redis.call('ZADD', KEYS[1], 'XX', score, ARGV[i])
end
