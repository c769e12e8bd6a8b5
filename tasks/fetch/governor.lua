-- Takes and gives back turns at hosts, many in one call, atomically. All times in milliseconds by Redis' own clock.
-- ARGV: length of a lease, prefix of the keys, and the turns as one JSON array (a tenth of the cost of one argument
-- each) of [host, verb, name of the turn, ...]. Two keys per host: its memory (hash) and its leases (turn -> end).
--   take: limit, least delay             answers [0, ""] when granted, else [wait, why]
--   give: pace, verdict, retry-after     verdict ok | slow | throttled | down; answers nothing
-- Answered is one JSON array, in the order of the takes.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local lease = tonumber(ARGV[1])
local REMEMBERED = 86400   -- seconds that a host is remembered after its last turn
local EWMA = 0.25          -- weight of the newest latency in the learnt delay
local LONGEST_DELAY = 60000
local DOWN, DOWN_CAP = 60000, 600000
local THROTTLED, THROTTLED_CAP = 30000, 3600000

local function number(value) return tonumber(value or '') or 0 end

local function take(host, leases, turn, limit, least)
  local held = redis.call('HMGET', host, 'until', 'why', 'next', 'delay', 'strikes')
  local closed = number(held[1])
  if closed > now then return closed - now, held[2] end
  redis.call('ZREMRANGEBYSCORE', leases, '-inf', now)
  -- After a failure one request goes ahead as a probe before the others follow.
  if number(held[5]) > 0 then limit = 1 end
  local delay = math.max(number(held[4]), least)
  if redis.call('ZCARD', leases) >= limit then return math.max(20, math.min(delay, 250)), 'busy' end
  local turn_at = number(held[3])
  if turn_at > now then return turn_at - now, 'pace' end
  redis.call('ZADD', leases, now + lease, turn)
  redis.call('PEXPIRE', leases, lease)
  redis.call('HSET', host, 'next', string.format('%d', now + delay))
  redis.call('EXPIRE', host, REMEMBERED)
  return 0, ''
end

local function close(host, why, strikes, pause)
  redis.call('HSET', host, 'until', string.format('%d', now + pause), 'why', why, 'strikes', strikes)
end

local function give(host, leases, turn, latency, verdict, retry_after)
  redis.call('ZREM', leases, turn)
  local held = redis.call('HMGET', host, 'until', 'delay', 'strikes', 'limit')
  local strikes = number(held[3])
  local fresh = number(held[1]) <= now -- the failures of turns taken before the host was closed count once
  if verdict == 'down' then
    if fresh then close(host, 'down', strikes + 1, math.min(DOWN * 2 ^ strikes, DOWN_CAP)) end
  elseif verdict == 'throttled' then
    local asked = number(retry_after)
    local pause = asked > 0 and asked or math.min(THROTTLED * 2 ^ strikes, THROTTLED_CAP)
    if fresh then strikes = strikes + 1 end
    if now + pause > number(held[1]) then close(host, 'throttled', strikes, pause) end
  else
    local delay = number(held[2])
    local learnt = math.min(delay + EWMA * (latency - delay), LONGEST_DELAY)
    -- An error page is quickly served; it is no reason to come faster.
    if verdict == 'ok' or learnt > delay then redis.call('HSET', host, 'delay', string.format('%.1f', learnt)) end
    if fresh and strikes > 0 then redis.call('HDEL', host, 'strikes', 'until', 'why') end
  end
  redis.call('EXPIRE', host, REMEMBERED)
end

local answers = {}
for _, turn in ipairs(cjson.decode(ARGV[3])) do
  local host = ARGV[2] .. turn[1]
  if turn[2] == 'take' then
    local wait, why = take(host, host .. ':leases', turn[3], turn[4], turn[5])
    answers[#answers + 1] = {wait, why}
  else
    give(host, host .. ':leases', turn[3], turn[4], turn[5], turn[6])
  end
end
return #answers > 0 and cjson.encode(answers) or '[]'
