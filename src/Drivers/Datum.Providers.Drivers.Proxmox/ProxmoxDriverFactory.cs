using System.Net;
using System.Text.Json;
using Datum.Providers.Drivers.Proxmox.Api;
using Datum.Providers.Drivers.Proxmox.Auth;

namespace Datum.Providers.Drivers.Proxmox;

/// <summary>The driver's entry: Proxmox VE, one cluster a session.</summary>
public sealed class ProxmoxDriverFactory : IDriverFactory
{
    /// <inheritdoc/>
    public DriverDescriptor Describe() => ProxmoxDescriptor.Describe();

    /// <inheritdoc/>
    public async ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        if (connection.Endpoint is not { Scheme: "https" or "http" } endpoint)
            throw Refuse("endpoint", "The ProviderConfig names no endpoint: https://NODE:8006.");
        var settings = ReadSettings(connection.Settings);
        var signIn = await PveSignIn.OpenAsync(host, endpoint, cancellation);
        var api = new PveApi(host.HttpHandler, host.Time, endpoint, signIn.Authorizer, signIn.Redactor, signIn.User);
        return new ProxmoxSession(new ProxmoxContext(api, settings, connection, host.Time), signIn);
    }

    private static ProxmoxSettings ReadSettings(JsonElement json)
    {
        if (json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
            return new ProxmoxSettings();
        ProxmoxSettings settings;
        try
        {
            settings = json.Deserialize(SettingsJson.Default.ProxmoxSettings) ?? new ProxmoxSettings();
        }
        catch (JsonException e)
        {
            throw Refuse("settings", $"settings can't be read at {e.Path ?? "$"}.");
        }

        if (settings.VmIdRange is { First: < 100 } or { Last: > 999_999_999 } || settings.VmIdRange.Last < settings.VmIdRange.First)
            throw Refuse("settings.vmIdRange", "A range of machine numbers is within 100 to 999999999, the first not after the last.");
        if (settings.Sdn.Tags is { } tags && (tags.First < 1 || tags.Last > 16_777_215 || tags.Last < tags.First))
            throw Refuse("settings.sdn.tags", "A range of tags is within 1 to 16777215, the first not after the last.");
        if (settings.NameServers.FirstOrDefault(n => !IPAddress.TryParse(n, out _)) is { } server)
            throw Refuse("settings.nameServers", $"'{server}' is no address.");
        if (settings.SandboxDiskGiB is < 1 or > 65536)
            throw Refuse("settings.sandboxDiskGiB", "A boot disk has 1 to 65536 GiB.");
        if (settings.MemoryPercent is < 10 or > 1000)
            throw Refuse("settings.memoryPercent", "A node's memory is promised to 10 to 1000 hundredths.");
        foreach (var (field, id) in new[] { ("storage", settings.Storage), ("isoStorage", settings.IsoStorage), ("imageStorage", settings.ImageStorage ?? "i"), ("pool", settings.Pool ?? "p") })
            if (id.Length == 0 || id.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or '/')))
                throw Refuse($"settings.{field}", $"'{id}' is no name at the platform.");
        return settings;
    }

    private static DriverException Refuse(string field, string message) =>
        new(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = field, Message = message });
}
