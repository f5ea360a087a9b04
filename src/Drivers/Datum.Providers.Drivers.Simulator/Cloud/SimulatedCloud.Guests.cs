using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Drivers.Simulator;

public sealed partial class SimulatedCloud
{
    // What a console keeps; older bytes are dropped.
    private const int ConsoleBytes = 256 * 1024;

    private static readonly TimeSpan DefaultGrace = TimeSpan.FromSeconds(30);

    private readonly SortedDictionary<string, CloudConsole> _consoles = new(StringComparer.Ordinal);

    /// <summary>Writes bytes as a server's guest, or one of its containers, would; false when there is no such server.</summary>
    public bool WriteConsole(string serverId, ReadOnlySpan<byte> text, string? container = null)
    {
        var copy = text.ToArray();
        return Do(() =>
        {
            if (Find(Collections.Servers, serverId) is null)
                return false;
            Append(serverId, container ?? "", copy);
            return true;
        });
    }

    /// <summary>Switches a server off or on behind everyone's back, as its own guest or a failed host would; false when it isn't there.</summary>
    public bool SetPower(string serverId, bool on) => Do(() =>
    {
        if (Find(Collections.Servers, serverId) is not { } server)
            return false;
        Store(Powered(server, on));
        return true;
    });

    /// <summary>
    /// <c>start</c>, <c>stop</c> (asks the guest, then cuts the power), <c>power-off</c> (cuts it), <c>restart</c>. A body with <c>powerOn</c> says
    /// how the server shall stay from now on. A repeated <c>Idempotency-Key</c> is answered with how far the first request is.
    /// </summary>
    private CloudResponse Act(string id, string action, CloudRequest request)
    {
        if (action is not ("start" or "stop" or "power-off" or "restart"))
            return CloudResponse.Error(404, "NO_SUCH_PATH", "There is no such action.");
        if (Find(Collections.Servers, id) is not { } server)
            return NotFound(id);
        var tokenKey = $"{id}/{action}/{request.Token}";
        var bodyHash = Convert.ToHexStringLower(SHA256.HashData(request.Body.Span));
        if (request.Token is not null && _tokens.TryGetValue(tokenKey, out var used) && Now < used.ExpiresAt)
        {
            return used.BodyHash == bodyHash
                ? CloudResponse.Of(200, Public(server), CloudJson.Default.CloudObject)
                : CloudResponse.Error(422, "TOKEN_REUSED", "The token was used for another request.");
        }

        if (server.State is not (CloudStates.Ready or CloudStates.Stopped) && !(server.State == CloudStates.Stopping && action == "power-off"))
            return CloudResponse.Error(409, "NOT_READY", $"{id} is {server.State}.");
        var wish = new CloudObject();
        if (!request.Body.IsEmpty && !TryRead(request, out wish))
            return CloudResponse.Error(400, "INVALID", "The body is no object.");
        server = server with { PowerOn = wish.PowerOn ?? server.PowerOn, RestartedAt = wish.RestartedAt ?? server.RestartedAt };
        var wait = server.State == CloudStates.Ready && action is ("stop" or "restart") ? StopTime(server) : TimeSpan.Zero;
        if (wait > TimeSpan.Zero)
        {
            Tell(server, "was asked to stop");
            Store(server with { State = CloudStates.Stopping, StopsAt = Now + wait, StartsAgain = action == "restart" });
        }
        else
        {
            if (action == "restart")
                server = Powered(server, on: false);
            Store(Powered(server, action is "start" or "restart"));
        }

        if (request.Token is not null)
            _tokens[tokenKey] = new CloudToken { TargetId = id, BodyHash = bodyHash, ExpiresAt = Now + _knobs.TokenLife };
        return CloudResponse.Of(200, Public(_objects[id]), CloudJson.Default.CloudObject);
    }

    private CloudResponse GetConsole(string id, CloudRequest request)
    {
        if (Find(Collections.Servers, id) is not { } server || Now < server.CreatedAt + _knobs.ConsistencyWindow)
            return NotFound(id);
        var container = request.Query.GetValueOrDefault("container", "");
        if (container.Length > 0 && server.Containers?.Any(c => c.Name == container) != true)
            return CloudResponse.Error(404, "NO_SUCH_CONTAINER", $"{id} has no container {container}.");
        var console = _consoles.GetValueOrDefault(ConsoleKey(id, container)) ?? new CloudConsole { ServerId = id, Container = container, Start = 0, Text = ReadOnlyMemory<byte>.Empty };
        if (request.Query.TryGetValue("after", out var text) && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var after) && after > console.Start)
        {
            var skip = (int)Math.Min(after - console.Start, console.Text.Length);
            console = console with { Start = console.Start + skip, Text = console.Text[skip..] };
        }

        if (request.Query.TryGetValue("limit", out text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) && console.Text.Length > limit)
            console = console with { Start = console.Start + console.Text.Length - limit, Text = console.Text[^limit..] };
        return CloudResponse.Of(200, console, CloudJson.Default.CloudConsole);
    }

    /// <summary>How long a guest that was asked to stop takes; its grace at most.</summary>
    private TimeSpan StopTime(CloudObject server)
    {
        var grace = server.StopGraceSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : DefaultGrace;
        return _knobs.GuestStopTime < grace ? _knobs.GuestStopTime : grace;
    }

    /// <summary>The server after its power came or went.</summary>
    private CloudObject Powered(CloudObject server, bool on)
    {
        if (on ? server.State != CloudStates.Ready : server.State != CloudStates.Stopped)
            Tell(server, on ? "started" : "stopped");
        return server with
        {
            State = on ? CloudStates.Ready : CloudStates.Stopped,
            StopsAt = null,
            StartsAgain = null,
            Guest = server.Guest is null ? null : on ? "ready" : "notReady",
            GuestMessage = null,
            Containers = server.Containers is { } containers ? [.. containers.Select(c => c with { Running = on, ExitCode = on ? c.ExitCode : 0, Message = null })] : null,
        };
    }

    private void SettlePower()
    {
        foreach (var server in _objects.Values.Where(o => o.State == CloudStates.Stopping && o.StopsAt <= Now).OrderBy(o => o.StopsAt).ThenBy(o => o.Id, StringComparer.Ordinal).ToList())
        {
            var stopped = Powered(server, on: false);
            Store(server.StartsAgain == true ? Powered(stopped, on: true) : stopped);
        }
    }

    // One line on the machine's console, and one on each container's.
    private void Tell(CloudObject server, string what)
    {
        if (server.Collection != Collections.Servers)
            return;
        var at = Now.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        Append(server.Id, "", Encoding.UTF8.GetBytes($"{at} server {server.Hostname} {what}\n"));
        foreach (var container in server.Containers ?? [])
            Append(server.Id, container.Name, Encoding.UTF8.GetBytes($"{at} container {container.Name} {what}\n"));
    }

    private void Append(string serverId, string container, byte[] text)
    {
        var key = ConsoleKey(serverId, container);
        var console = _consoles.GetValueOrDefault(key);
        byte[] whole = [.. (console?.Text ?? ReadOnlyMemory<byte>.Empty).Span, .. text];
        var drop = Math.Max(0, whole.Length - ConsoleBytes);
        _consoles[key] = new CloudConsole { ServerId = serverId, Container = container, Start = (console?.Start ?? 0) + drop, Text = whole.AsMemory(drop) };
        _dirty = true;
    }

    private void ForgetConsoles(CloudObject server)
    {
        foreach (var key in _consoles.Where(c => c.Value.ServerId == server.Id).Select(c => c.Key).ToList())
            _consoles.Remove(key);
    }

    private static string ConsoleKey(string serverId, string container) => $"{serverId}/{container}";
}
