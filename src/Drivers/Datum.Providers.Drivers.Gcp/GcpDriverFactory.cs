using System.Text.Json;
using Datum.Providers.Drivers.Gcp.Api;
using Datum.Providers.Drivers.Gcp.Auth;

namespace Datum.Providers.Drivers.Gcp;

/// <summary>The driver's entry: Google Cloud, one project a session.</summary>
public sealed class GcpDriverFactory : IDriverFactory
{
    /// <inheritdoc/>
    public DriverDescriptor Describe() => GcpDescriptor.Describe();

    /// <inheritdoc/>
    public async ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        var project = connection.Location.ValueKind == JsonValueKind.Object ? JsonText.Find(connection.Location, "projectId") : null;
        if (project is not { Length: > 0 and <= 63 } || project.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '.' or ':')))
            throw Refuse("location.projectId", "The Location's gcp block names no project.");
        var settings = ReadSettings(connection.Settings);
        var compute = GcpSignIn.Address(connection.Endpoint?.AbsoluteUri, "endpoint") ?? new Uri("https://compute.googleapis.com/");
        var secrets = GcpSignIn.Address(settings.Endpoints.SecretManager, "settings.endpoints.secretManager") ?? connection.Endpoint ?? new Uri("https://secretmanager.googleapis.com/");
        var signIn = await GcpSignIn.OpenAsync(host, settings, connection.Endpoint, cancellation);
        var api = new GcpApi(host.HttpHandler, host.Time, project, compute, secrets, signIn.Authorizer, signIn.Redactor);
        return new GcpSession(new GcpContext(api, settings, connection, host.Time), signIn);
    }

    private static GcpSettings ReadSettings(JsonElement json)
    {
        if (json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
            return new GcpSettings();
        GcpSettings settings;
        try
        {
            settings = json.Deserialize(SettingsJson.Default.GcpSettings) ?? new GcpSettings();
        }
        catch (JsonException e)
        {
            throw Refuse("settings", $"settings can't be read at {e.Path ?? "$"}.");
        }

        if (settings.ExternalAddresses is not ("Ephemeral" or "None"))
            throw Refuse("settings.externalAddresses", $"'{settings.ExternalAddresses}' is neither Ephemeral nor None.");
        if (settings.NetworkTier is not ("PREMIUM" or "STANDARD"))
            throw Refuse("settings.networkTier", $"'{settings.NetworkTier}' is neither PREMIUM nor STANDARD.");
        if (settings.Ipv6 is not ("None" or "Internal" or "External"))
            throw Refuse("settings.ipv6", $"'{settings.Ipv6}' is none of None, Internal, External.");
        if (settings.SandboxDiskGiB is < 10 or > 65536)
            throw Refuse("settings.sandboxDiskGiB", "A boot disk has 10 to 65536 GiB.");
        if (string.IsNullOrWhiteSpace(settings.SandboxImage))
            throw Refuse("settings.sandboxImage", "A sandbox needs a boot image.");
        if (settings.InstanceServiceAccount is { } account && !account.Contains('@', StringComparison.Ordinal))
            throw Refuse("settings.instanceServiceAccount", $"'{account}' is no e-mail address of a service account.");
        return settings;
    }

    private static DriverException Refuse(string field, string message) =>
        new(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Field = field, Message = message });
}
