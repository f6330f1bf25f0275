-- Wakes whoever waits for a job: publishes its id on each waiter's channel, and forgets the waiters.
--
-- KEYS: waiters (set)   ARGV: job id
for _, channel in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  redis.call('PUBLISH', channel, ARGV[1])
end
redis.call('DEL', KEYS[1])
