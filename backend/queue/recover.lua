-- Puts jobs whose lease has run out back into their queue, in one atomic step.
--
-- KEYS: started registry, queue list, bell (list)
-- ARGV: prefix of job hashes, of execution hashes, of a job's executions; lease in seconds; most
-- Gives a list of {job id, execution id} of jobs without a try left. Their leases now are the
-- caller's, who has to fail them.
--
-- A try is lost only by a job that was alone in its worker when that ended. What was in company goes
-- to the front of its queue, to be run alone; what was not begun goes there as if nothing had been.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6

local function put_back(entry, id, execution, push)
  redis.call('ZREM', KEYS[1], entry)
  redis.call('DEL', ARGV[2] .. entry)
  redis.call('ZREM', ARGV[3] .. id, execution)
  redis.call('HSET', ARGV[1] .. id, 'status', 'queued')
  redis.call('HDEL', ARGV[1] .. id, 'firstpass_execution')
  redis.call(push, KEYS[2], id)
  redis.call('LPUSH', KEYS[3], 1)
  redis.call('LTRIM', KEYS[3], 0, 7)
end

local without_tries = {}
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.3f', -now), '(0',
  'LIMIT', 0, ARGV[5])
for _, entry in ipairs(expired) do
  local id, execution = string.match(entry, '^(.*):([^:]*)$')
  local job = ARGV[1] .. (id or '')
  local fields = redis.pcall('HMGET', job, 'status', 'firstpass_execution', 'firstpass_begun',
    'retries_left', 'firstpass_put_off')
  if not id or fields.err or fields[1] ~= 'started' or fields[2] ~= execution then
    redis.call('ZREM', KEYS[1], entry) -- finished, cancelled, deleted, or another try's by now
  elseif fields[5] == execution then
    redis.call('HDEL', job, 'firstpass_put_off') -- it has waited: now the others have had their turn
    put_back(entry, id, execution, 'RPUSH')
  elseif fields[3] ~= execution .. ':alone' then
    put_back(entry, id, execution, 'LPUSH')
  elseif tonumber(fields[4] or 0) > 0 then
    redis.call('HINCRBY', job, 'retries_left', -1)
    put_back(entry, id, execution, 'RPUSH')
  else
    redis.call('ZADD', KEYS[1], string.format('%.3f', -(now + ARGV[4])), entry)
    without_tries[#without_tries + 1] = {id, execution}
  end
end
return without_tries
