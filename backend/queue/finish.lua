-- Stores a job's outcome, wakes its waiters, and closes RQ's records of it.
--
-- KEYS: job hash, started registry, finished registry, execution hash, the job's executions, result,
--       waiters (set), failures (hash), failures by time
-- ARGV: job id, execution id, outcome, seconds it is kept, seconds RQ keeps the job, time of ending,
--       score in the finished registry
-- Gives the keys of failures that hold something else than ours: all but these was done.
--
-- A worker may come late, when its lease had run out. Its outcome is as good as any, but the record
-- belongs to the try that holds the job; so no status ever goes back, and no deleted job comes back.
local fields = redis.call('HMGET', KEYS[1], 'status', 'firstpass_execution')
local status = fields[1]
redis.call('ZREM', KEYS[2], ARGV[1] .. ':' .. ARGV[2])
redis.call('DEL', KEYS[4])
redis.call('ZREM', KEYS[5], ARGV[2])
if status == 'failed' or status == 'canceled' or status == 'stopped' then return {} end

redis.call('SET', KEYS[6], ARGV[3], 'EX', ARGV[4])
for _, channel in ipairs(redis.call('SMEMBERS', KEYS[7])) do
  redis.call('PUBLISH', channel, ARGV[1])
end
redis.call('DEL', KEYS[7])
-- A copy that waits in a queue is dropped when it is taken, for its status is another then.
if status == 'queued' or (status == 'started' and fields[2] == ARGV[2]) then
  redis.call('HSET', KEYS[1], 'status', 'finished', 'ended_at', ARGV[6])
  redis.call('EXPIRE', KEYS[1], ARGV[5])
  redis.call('ZADD', KEYS[3], ARGV[7], ARGV[1])
end

local foreign = {}
for key, command in pairs({[KEYS[8]] = 'HDEL', [KEYS[9]] = 'ZREM'}) do
  local reply = redis.pcall(command, key, ARGV[1])
  if type(reply) == 'table' and reply.err then
    if not string.find(reply.err, 'WRONGTYPE', 1, true) then return reply end
    foreign[#foreign + 1] = key
  end
end
return foreign
