namespace Datum.Providers.Engine.Sessions;

/// <summary>What the engine needs of the host's loaded drivers. The host wraps each session so that deadlines hold and exceptions become errors.</summary>
public interface IDriverConnector
{
    /// <summary>The descriptor of a loaded driver, or null.</summary>
    DriverDescriptor? Find(string driverId);

    /// <summary>The descriptor of the driver for a key under <c>Location.spec.provider</c>, or null.</summary>
    DriverDescriptor? FindByLocationKey(string key);

    /// <summary>Why a driver isn't there, for people; names the folder and what to do when one was rejected.</summary>
    string WhyMissing(string driverIdOrKey);

    /// <summary>Opens a session. Throws <see cref="DriverException"/> when settings or credentials are refused.</summary>
    ValueTask<IInfrastructureDriver> ConnectAsync(SessionRequest request, CancellationToken cancellation);
}

/// <summary>Everything that a session is opened with.</summary>
public sealed class SessionRequest
{
    public required string DriverId { get; init; }

    /// <summary>Names the session in logs: the ProviderConfig's name.</summary>
    public required string Name { get; init; }

    public required Connection Connection { get; init; }

    /// <summary>PEM, or null.</summary>
    public string? CaBundle { get; init; }

    /// <summary>SHA-256 of the endpoint's certificate in hex, or null.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>URL, or null.</summary>
    public string? Proxy { get; init; }

    /// <summary>Values by key. Never logged (law L12).</summary>
    public required IReadOnlyDictionary<string, ReadOnlyMemory<byte>> Credentials { get; init; }
}

/// <summary>Reads credentials of a ProviderConfig.</summary>
public interface ICredentialSource
{
    /// <summary>All keys and values; throws <see cref="CredentialsException"/> naming what is missing.</summary>
    ValueTask<IReadOnlyDictionary<string, ReadOnlyMemory<byte>>> ReadAsync(Resources.Providers.ProviderConfig config, CancellationToken cancellation);
}

/// <summary>Credentials can't be read. The message names the field and what was found, and holds no secret.</summary>
public sealed class CredentialsException(string message) : Exception(message);
