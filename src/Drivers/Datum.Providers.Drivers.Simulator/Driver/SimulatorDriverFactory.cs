using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>Entry of the simulator driver.</summary>
public sealed class SimulatorDriverFactory : IDriverFactory
{
    private readonly SimulatorProfile _profile;

    /// <summary>The driver as the host loads it.</summary>
    public SimulatorDriverFactory()
        : this(new SimulatorProfile())
    {
    }

    /// <summary>A driver for another sort of platform, for tests.</summary>
    public SimulatorDriverFactory(SimulatorProfile profile) => _profile = profile;

    /// <inheritdoc/>
    public DriverDescriptor Describe() => SimulatorDescriptor.For(_profile);

    /// <inheritdoc/>
    public async ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        var settings = ReadSettings(connection.Settings);
        var knobs = settings.Knobs ?? new SimulatorKnobs();
        foreach (var kind in SimulatorDescriptor.Kinds)
        {
            var chosen = knobs.CreateClassOf(kind);
            if (chosen is not (CreateClass.Token or CreateClass.Named or CreateClass.Marked or CreateClass.Manual) || chosen > _profile.WeakestCreateClass)
                throw Refuse($"settings.knobs.createClasses.{kind}: {chosen} isn't one of Token to {_profile.WeakestCreateClass}, which this driver declares.", "settings.knobs.createClasses");
        }

        if (connection.Endpoint is { } endpoint && endpoint.Scheme != "simulator")
        {
            if (endpoint.Scheme is not ("http" or "https" or "unix"))
                throw Refuse($"The endpoint's scheme {endpoint.Scheme} isn't one of http, https, unix, simulator.", "endpoint");
            return new SimulatorDriver(host, connection, knobs, _profile, endpoint, host.HttpHandler, ownHandler: null, await ReadTokenAsync(host, cancellation));
        }

        if (string.IsNullOrWhiteSpace(settings.StatePath) || !Path.IsPathFullyQualified(settings.StatePath))
            throw Refuse("Without an endpoint settings.statePath must name a folder by its whole path: the simulated platform's state lives there.", "settings.statePath");
        SimulatedCloud cloud;
        try
        {
            cloud = new SimulatedCloud(host.Time, settings.Seed ?? 1, knobs,
                settings.AccountId ?? "sim-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6)), new CloudStateFile(settings.StatePath));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new DriverException(new DriverError { Code = ErrorCode.Unavailable, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = $"The platform's state can't be opened: {e.Message}" });
        }

        var handler = new SimulatedCloudHandler(cloud, host.Time);
        return new SimulatorDriver(host, connection, knobs, _profile, new Uri("http://simulator.invalid/"), handler, handler);
    }

    private static async ValueTask<string?> ReadTokenAsync(IDriverHost host, CancellationToken cancellation)
    {
        var token = Encoding.UTF8.GetString((await host.ReadCredentialAsync(SimulatorDescriptor.TokenKey, cancellation)).Span).Trim();
        if (token.Any(c => c is < '!' or > '~'))
            throw new DriverException(new DriverError { Code = ErrorCode.Unauthenticated, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = $"Credential {SimulatorDescriptor.TokenKey} holds characters that no bearer token has." });
        return token.Length == 0 ? null : token;
    }

    private static SimulatorSettings ReadSettings(JsonElement json)
    {
        if (json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
            return new SimulatorSettings();
        try
        {
            var settings = json.Deserialize(CloudJson.Default.SimulatorSettings) ?? new SimulatorSettings();
            return settings.Knobs is null ? settings : settings with { Knobs = SimulatorKnobs.Parse(json.GetProperty("knobs")) };
        }
        catch (JsonException e)
        {
            throw Refuse($"settings can't be read at {e.Path ?? "$"}: {e.Message}", "settings");
        }
    }

    private static DriverException Refuse(string message, string field) =>
        new(new DriverError { Code = ErrorCode.Invalid, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = message, Field = field });
}
