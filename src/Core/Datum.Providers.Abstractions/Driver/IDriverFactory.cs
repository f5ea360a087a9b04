using System.Diagnostics.Metrics;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Datum.Providers;

/// <summary>The entry of a driver assembly: public, with a public parameterless constructor that does nothing. Named by <c>entryType</c> in driver.json.</summary>
public interface IDriverFactory
{
    /// <summary>Describes the driver. Pure: no I/O, always the same answer.</summary>
    DriverDescriptor Describe();

    /// <summary>Opens a session. Reads credentials and builds clients; may sign in. Throws <see cref="DriverException"/> on bad settings.</summary>
    ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation);
}

/// <summary>What the host lends to a session. Everything else a driver brings itself.</summary>
public interface IDriverHost
{
    /// <summary>Logs with the driver's and session's names in scope.</summary>
    ILogger Logger { get; }

    /// <summary>A meter for the driver's own instruments; the host disposes it.</summary>
    Meter Meter { get; }

    /// <summary>The only clock.</summary>
    TimeProvider Time { get; }

    /// <summary>
    /// A handler for <see cref="Connection.Endpoint"/>: proxy, CA bundle, unix socket, limits, redaction, recording and fault injection are
    /// the host's. It follows no redirects and keeps no cookies. The host owns it: build clients with <c>disposeHandler: false</c>.
    /// </summary>
    HttpMessageHandler HttpHandler { get; }

    /// <summary>Reads one value of the session's own credentials by its key; empty when the key is absent. Don't keep it longer than the session.</summary>
    ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation);
}

/// <summary>What a session is opened for. Equal connections share a session.</summary>
public sealed record Connection
{
    /// <summary>The platform's address from the ProviderConfig; null for the driver's default. A unix socket is <c>unix:///path</c>.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>The fields of the location block that <see cref="DriverDescriptor.SessionScope"/> names, as a JSON object.</summary>
    public JsonElement Location { get; init; }

    /// <summary>ProviderConfig <c>spec.settings</c> as a JSON object, valid against <see cref="DriverDescriptor.SettingsSchema"/>; undefined when absent.</summary>
    public JsonElement Settings { get; init; }

    /// <summary>This installation: 1 to 16 of <c>[a-z0-9]</c>. Part of every mark.</summary>
    public required string Installation { get; init; }

    /// <summary>ProviderConfig <c>allowUnenforcedPolicies</c>: create instances although their ingress rules can't be enforced. Default false.</summary>
    public bool AllowUnenforcedPolicies { get; init; }

    /// <summary>ProviderConfig <c>allowUnenforcedDiskSize</c>: create disks although their size can't be enforced. Default false.</summary>
    public bool AllowUnenforcedDiskSize { get; init; }

    /// <summary>ProviderConfig <c>allowSecretsInUserData</c>. Default false.</summary>
    public bool AllowSecretsInUserData { get; init; }

    /// <summary>ProviderConfig <c>images</c>: Datum image name to the platform's own.</summary>
    public ImmutableDictionary<string, string> Images { get => field ?? ImmutableDictionary<string, string>.Empty; init; }

    /// <summary>ProviderConfig <c>diskTypes</c>: Datum disk type to the platform's own.</summary>
    public ImmutableDictionary<string, string> DiskTypes { get => field ?? ImmutableDictionary<string, string>.Empty; init; }
}

/// <summary>A session can't be opened. Its message is for the platform operator and holds no secret.</summary>
public sealed class DriverException : Exception
{
    /// <summary>Makes the exception from the error that the host shall act on.</summary>
    public DriverException(DriverError error) : base(error.Message) => Error = error;

    /// <summary>What failed.</summary>
    public DriverError Error { get; }
}
