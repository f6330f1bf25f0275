-- Takes up to `max` jobs and leases them, in one atomic step over all queues of a worker.
--
-- KEYS: queue list, started registry; again for each queue, the most urgent first
-- ARGV: lease end (epoch s), max, prefix of job hashes, then one execution id per possible job
-- Gives a list of {queue list, job id, execution id, job hash as flat list}.
--
-- A batch comes from one queue only: an interactive batch is not padded with bulk work.
-- A job that was started before takes its batch alone, for it or a batch-mate ended its worker.
local out, max = {}, tonumber(ARGV[2])
for i = 1, #KEYS, 2 do
  if #out > 0 then break end
  while #out < max do
    local id = redis.call('LPOP', KEYS[i])
    if not id then break end
    local job = ARGV[3] .. id
    local fields = redis.call('HMGET', job, 'status', 'started_at')
    -- Any other status: deleted, cancelled, or the second copy of a promoted job.
    if fields[1] == 'queued' then
      local suspect = fields[2] and fields[2] ~= ''
      if suspect and #out > 0 then
        redis.call('LPUSH', KEYS[i], id)
        return out
      end
      local execution = ARGV[4 + #out]
      redis.call('ZADD', KEYS[i + 1], ARGV[1], id .. ':' .. execution)
      out[#out + 1] = {KEYS[i], id, execution, redis.call('HGETALL', job)}
      if suspect then return out end
    end
  end
end
return out
