using System.Security.Cryptography;
using System.Text;
using Datum.Providers.Drivers.Podman.Disks;
using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Drivers.Podman.Instances;
using Datum.Providers.Drivers.Podman.Libpod;
using Datum.Providers.Drivers.Podman.Networks;
using Datum.Providers.Drivers.Podman.Usage;

namespace Datum.Providers.Drivers.Podman;

/// <summary>One session with one Podman service.</summary>
internal sealed class PodmanDriver : IInfrastructureDriver, IPowerControl, IConsoleLog, IImageCatalog, IChangeFeed, IUsageReader
{
    // Older ones ignore a pod's limits without a word.
    private static readonly Version Oldest = new(4, 3);

    private readonly Session _session;
    private readonly RestClient _rest;
    private readonly ImagePulls _pulls;
    private readonly PowerWork _power;
    private readonly PodmanInstances _instances;
    private readonly PodmanImages _images;
    private readonly PodmanChangeFeed _changes;
    private readonly PodmanUsage _usage;
    private readonly CancellationTokenSource _ended = new();
    private int _disposed;

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
        _power = new PowerWork(_session.Podman);
        _instances = new PodmanInstances(_session, _pulls, _power);
        _images = new PodmanImages(_session);
        _changes = new PodmanChangeFeed(_session, _ended.Token);
        _usage = new PodmanUsage(_session);
    }

    public IResourceDriver<NetworkSpec, NetworkFacts>? Networks { get; }

    public IResourceDriver<DiskSpec, DiskFacts>? Disks { get; }

    public IResourceDriver<InstanceSpec, InstanceFacts>? Instances => _instances;

    public ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action) => _instances.PowerAsync(operation, id, action);

    public ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query) => _instances.ReadConsoleAsync(call, id, query);

    public ValueTask<Answer<CatalogPage<PlatformImage>>> ListImagesAsync(Call call, CatalogQuery query, string? cursor) => _images.ListAsync(call, query, cursor);

    public IAsyncEnumerable<Change> WatchAsync(Call call) => _changes.WatchAsync(call);

    public ValueTask<Answer<UsagePage>> ListUsageAsync(Call call, ListQuery query, string? cursor) => _usage.ListAsync(call, query, cursor);

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
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        // Event streams end with the session (DC-7).
        await _ended.CancelAsync();
        await _pulls.DisposeAsync();
        await _power.DisposeAsync();
        _rest.Dispose();
        _ended.Dispose();
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
