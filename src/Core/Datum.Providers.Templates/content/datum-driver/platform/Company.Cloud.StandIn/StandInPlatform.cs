using System.Net;

namespace Company_Cloud.StandIn;

/// <summary>
/// The platform in memory: what it keeps, and its habits. Networks are there at once; servers take time to start and to stop.
/// Everything that can be set is there so that tests can make the platform behave badly.
/// </summary>
public sealed class StandInPlatform
{
    private readonly Dictionary<string, DateTimeOffset> _changing = new(StringComparer.Ordinal);
    private Problem? _nextFailure;

    public StandInPlatform(TimeProvider time)
    {
        Time = time;
        Networks = new Shelf<Network>(this, "net")
        {
            Make = n => n.Ranges is not { Length: > 0 } ? throw new CloudException(400, "no_ranges", "A network needs a range.") : n with { State = "ready", Mtu = n.Mtu ?? 1500 },
            Apply = (n, change) => n with { Ranges = change.Ranges ?? n.Ranges, Mtu = change.Mtu ?? n.Mtu },
            HeldBy = n => Servers!.All().Where(s => s.NetworkId == n.Id).Select(s => s.Id),
            Now = n => n,
            Leave = _ => null,
        };
        Servers = new Shelf<VirtualServer>(this, "srv")
        {
            Make = MakeServer,
            Apply = (s, change) => s with
            {
                PoweredOn = change.PoweredOn ?? s.PoweredOn,
                RestartedAt = change.RestartedAt ?? s.RestartedAt,
                StopSeconds = change.StopSeconds ?? s.StopSeconds,
                Filtered = change.Filtered ?? s.Filtered,
                Rules = change.Rules ?? s.Rules,
            },
            HeldBy = _ => [],
            Now = ServerNow,
            // The platform asks the guest to stop before it takes the server down.
            Leave = s => StopTakes == TimeSpan.Zero ? null : Until(s.State == "stopping" ? s : s with { State = "stopping" }, StopTakes),
        };
    }

    public TimeProvider Time { get; }
    public Shelf<Network> Networks { get; }
    public Shelf<VirtualServer> Servers { get; }
    public string AccountId { get; set; } = "account-1";
    public string Token { get; set; } = "stand-in-token";
    public TimeSpan StartTakes { get; set; }
    public TimeSpan StopTakes { get; set; }
    public int PageSize { get; set; } = 100;

    /// <summary>No room for servers.</summary>
    public bool Full { get; set; }

    /// <summary>Every request is refused with this wait; null for none.</summary>
    public TimeSpan? ThrottledFor { get; set; }

    internal Lock Gate { get; } = new();

    /// <summary>The next server is accepted and fails once it has started.</summary>
    public void FailNextServer(string code, string message) => _nextFailure = new Problem(code, message);

    internal void Admit(string authorization)
    {
        if (Token.Length == 0 || authorization != $"Bearer {Token}")
            throw new CloudException(401, "bad_token", "The token isn't accepted.");
        if (ThrottledFor is { } wait)
            throw new CloudException(429, "too_many_requests", "Too many requests.") { RetryAfter = wait };
    }

    private VirtualServer MakeServer(VirtualServer wish)
    {
        if (Full)
            throw new CloudException(503, "no_capacity", $"There is no room in zone {wish.Zone}.");
        if (Networks.All().FirstOrDefault(n => n.Id == wish.NetworkId) is not { } network)
            throw new CloudException(422, "no_such_network", $"There is no network {wish.NetworkId}.");
        var server = wish with
        {
            State = "starting",
            PoweredOn = wish.PoweredOn ?? true,
            Filtered = wish.Filtered ?? false,
            Address = FreeAddress((wish.AddressRanges is { Length: > 0 } ranges ? ranges : network.Ranges!)[0]),
            Problem = _nextFailure,
            Containers = [.. (wish.Containers ?? []).Select(c => c with { Running = true })],
        };
        _nextFailure = null;
        return Until(server, StartTakes);
    }

    private VirtualServer? ServerNow(VirtualServer server)
    {
        var busy = _changing.TryGetValue(server.Id, out var until) && Time.GetUtcNow() < until;
        if (server.State == "stopping")
            return busy ? server : null;
        var state = busy ? "starting" : server.Problem is not null ? "failed" : server.PoweredOn == false ? "stopped" : "ready";
        return server with
        {
            State = state,
            // A change of state is a change too, though nobody asked for it.
            Revision = $"{server.Revision}-{state}",
            Problem = busy ? null : server.Problem,
        };
    }

    private VirtualServer Until(VirtualServer server, TimeSpan takes)
    {
        _changing[server.Id] = Time.GetUtcNow() + takes;
        return server;
    }

    private string FreeAddress(string range)
    {
        var bytes = IPAddress.Parse(range.Split('/')[0]).GetAddressBytes();
        var used = Servers.All().Select(s => s.Address).ToHashSet();
        // The first four are the platform's own.
        for (var host = 4; host < 65_000; host++)
        {
            var number = ((bytes[2] << 8) | bytes[3]) + host;
            var address = $"{bytes[0]}.{bytes[1]}.{(number >> 8) & 255}.{number & 255}";
            if (!used.Contains(address))
                return address;
        }

        throw new CloudException(503, "no_capacity", $"The range {range} is full.");
    }
}
