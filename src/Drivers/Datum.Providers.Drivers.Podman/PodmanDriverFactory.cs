using Datum.Providers.Drivers.Podman.Firewall;

namespace Datum.Providers.Drivers.Podman;

/// <summary>Entry of the driver: containers on one machine through Podman's socket.</summary>
public sealed class PodmanDriverFactory : IDriverFactory
{
    private readonly Func<TimeProvider, INetworkNamespaceFirewall> _firewall;

    /// <summary>Used by the loader.</summary>
    public PodmanDriverFactory() : this(time => new NsenterFirewall(time))
    {
    }

    internal PodmanDriverFactory(Func<TimeProvider, INetworkNamespaceFirewall> firewall) => _firewall = firewall;

    /// <inheritdoc/>
    public DriverDescriptor Describe() => PodmanDescriptor.Create();

    /// <inheritdoc/>
    public ValueTask<IInfrastructureDriver> ConnectAsync(IDriverHost host, Connection connection, CancellationToken cancellation)
    {
        if (connection.Endpoint is not { } endpoint)
            throw new DriverException(new DriverError
            {
                Code = ErrorCode.Invalid,
                Effect = Effect.NotApplied,
                Scope = ErrorScope.Account,
                Field = "endpoint",
                Message = "endpoint: name the socket of Podman's service, e.g. unix:///run/podman/podman.sock.",
            });
        var firewall = endpoint.Scheme == "unix" ? _firewall(host.Time) : new RemoteFirewall();
        return new(new PodmanDriver(host, connection, endpoint, PodmanSettings.Read(connection.Settings), firewall));
    }
}
