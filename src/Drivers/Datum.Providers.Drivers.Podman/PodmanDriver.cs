using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Drivers.Podman.Disks;
using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Drivers.Podman.Instances;
using Datum.Providers.Drivers.Podman.Libpod;
using Datum.Providers.Drivers.Podman.Networks;

namespace Datum.Providers.Drivers.Podman;

/// <summary>One session with one Podman service.</summary>
internal sealed class PodmanDriver : IInfrastructureDriver, IChangeFeed
{
    // Older ones ignore a pod's limits without a word.
    private static readonly Version Oldest = new(4, 3);

    private readonly Session _session;
    private readonly RestClient _rest;
    private readonly ImagePulls _pulls;
    private readonly PodmanChangeFeed _changes;

    public PodmanDriver(IDriverHost host, Connection connection, Uri endpoint, PodmanSettings settings, INetworkNamespaceFirewall firewall)
    {
        _rest = new RestClient(host.HttpHandler, new RestClientOptions
        {
            BaseAddress = endpoint,
            Time = host.Time,
            Errors = LibpodErrors.Table,
            UserAgent = $"datum-providers-podman/{PodmanDescriptor.Version}",
            RequestIdHeader = "X-Reference-Id",
        });
        _session = new Session
        {
            Podman = new LibpodClient(_rest),
            Connection = connection,
            Settings = settings,
            Firewall = firewall,
            Time = host.Time,
            Logger = host.Logger,
        };
        _pulls = new ImagePulls(_session.Podman);
        Networks = new PodmanNetworks(_session);
        Disks = new PodmanDisks(_session);
        Instances = new PodmanInstances(_session, _pulls);
        _changes = new PodmanChangeFeed(_session);
    }

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; }

    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; }

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances { get; }

    public IAsyncEnumerable<Change> WatchAsync(Call call) => _changes.WatchAsync(call);

    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        var version = await _session.Podman.VersionAsync(call);
        if (version.Error is { } versionError)
            return versionError;
        var text = version.Value!.Version ?? "";
        if (!Version.TryParse(text.Split('-', '+')[0], out var number) || number < Oldest)
            return new DriverError
            {
                Code = ErrorCode.Unsupported,
                Effect = Effect.NotApplied,
                Scope = ErrorScope.Account,
                Message = $"Podman {(text.Length > 0 ? text : "of unknown version")} is too old: {Oldest} or later is needed.",
            };
        var info = await _session.Podman.InfoAsync(call);
        if (info.Error is { } infoError)
            return infoError;
        var host = info.Value!.Host;
        return new AccountFacts
        {
            AccountId = AccountId(host?.Hostname, info.Value.Store?.GraphRoot),
            DisplayName = host?.Hostname is { Length: > 0 } name ? $"Podman on {name}" : "Podman",
            PlatformVersion = text,
            Limitations = Limitations(host),
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _pulls.DisposeAsync();
        _rest.Dispose();
    }

    /// <summary>Host name and store: another store on the same machine shows other objects.</summary>
    internal static string AccountId(string? hostname, string? graphRoot) =>
        "podman-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{hostname}\0{graphRoot}")))[..24];

    private ImmutableArray<Finding> Limitations(HostSection? host)
    {
        var findings = ImmutableArray.CreateBuilder<Finding>();
        if (_session.Firewall.Unavailable is { } reason)
            findings.Add(new Finding { Path = "interfaces.ingress", Capability = "firewall", Message = reason, Tolerated = _session.Connection.AllowUnenforcedPolicies });
        if (host?.Security?.Rootless == true)
            findings.Add(new Finding { Path = "interfaces", Capability = "network", Message = "Podman runs rootless: its pods have no address that other machines or the host can reach." });
        if (host?.NetworkBackend is { Length: > 0 } backend && backend != "netavark")
            findings.Add(new Finding { Path = "interfaces", Capability = "network", Tolerated = true, Message = $"Podman's network backend is {backend}; this driver is tested with netavark." });
        return findings.ToImmutable();
    }
}
