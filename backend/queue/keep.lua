-- Stores values with an expiry, and drops the oldest beyond a bound, in one step.
--
-- KEYS: index (sorted set of stored keys by time), then the keys to store
-- ARGV: expiry (s), most entries, then one value per key
local now = redis.call('TIME')[1]
for i = 2, #KEYS do
  redis.call('SET', KEYS[i], ARGV[i + 1], 'EX', ARGV[1])
  redis.call('ZADD', KEYS[1], now, KEYS[i])
end
local excess = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[2])
-- A bounded bite, so that no single call blocks Redis for long.
while excess > 0 do
  local oldest = redis.call('ZPOPMIN', KEYS[1], math.min(excess, 500))
  for i = 1, #oldest, 2 do redis.call('DEL', oldest[i]) end
  excess = excess - 500
end
