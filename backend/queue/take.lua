-- Takes up to `max` jobs and leases them, in one atomic step over all queues of a worker.
--
-- KEYS: queue list, started registry; again for each queue, the most urgent first
-- ARGV: lease in seconds, max, prefix of job hashes, prefix of queue lists,
--       1 to leave suspects where they are, then one execution id per possible job
-- Gives a list of {queue list, job id, execution id, job hash as flat list}.
--
-- A batch comes from one queue only: an interactive batch is not padded with bulk work.
-- A suspect (it, or a batch-mate, ended its worker) is a batch of its own.
--
-- Two fields of the job hash are ours. `firstpass_execution` says which try holds the job: only that
-- one may finish it. `firstpass_begun` is written by begin.lua, and makes a job that waits a suspect.
--
-- A lease ends at minus the entry's score, by the clock of Redis. RQ cleans up scores above 0, which
-- happens without a lock whenever anybody counts the registry; ours it leaves alone.
local out, max = {}, tonumber(ARGV[2])
local time = redis.call('TIME')
local score = string.format('%.3f', -(time[1] + time[2] / 1e6 + ARGV[1]))
for i = 1, #KEYS, 2 do
  if #out > 0 then break end
  while #out < max do
    local id = redis.call('LPOP', KEYS[i])
    if not id then break end
    local job = ARGV[3] .. id
    local fields = redis.pcall('HMGET', job, 'status', 'firstpass_begun', 'data')
    if fields.err then -- no hash at all: somebody else's, whom the caller names
      out[#out + 1] = {KEYS[i], id, ARGV[6 + #out], {}}
      fields = {}
    end
    -- Any other status: deleted, cancelled, taken before, or the second copy of a promoted job.
    if fields[1] == 'queued' and not fields[3] then
      redis.call('DEL', job) -- the remains of a job, which nobody could run
    elseif fields[1] == 'queued' then
      if fields[2] and (#out > 0 or ARGV[5] == '1') then
        redis.call('LPUSH', KEYS[i], id)
        return out
      end
      local execution = ARGV[6 + #out]
      redis.call('ZADD', KEYS[i + 1], score, id .. ':' .. execution)
      redis.call('HSET', job, 'status', 'started', 'firstpass_execution', execution,
        'origin', string.sub(KEYS[i], #ARGV[4] + 1))
      redis.call('PERSIST', job)
      out[#out + 1] = {KEYS[i], id, execution, redis.call('HGETALL', job)}
      if fields[2] then return out end
    end
  end
end
return out
