using Microsoft.Extensions.Logging;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>One session with a simulated platform. An ordinary REST driver: it knows of the platform only what the API says.</summary>
internal sealed partial class SimulatorDriver : IInfrastructureDriver
{
    private readonly SimulatorApi _api;
    private readonly IDisposable? _ownHandler;
    private readonly ILogger _logger;
    private readonly string _installation;
    private int _disposed;

    public SimulatorDriver(IDriverHost host, Connection connection, SimulatorKnobs knobs, SimulatorProfile profile, Uri address, HttpMessageHandler handler, IDisposable? ownHandler, string? credential = null)
    {
        _api = new SimulatorApi(handler, address, host.Time, credential);
        _ownHandler = ownHandler;
        _logger = host.Logger;
        _installation = connection.Installation;
        var context = new SimulatorContext(_api, connection, knobs, profile);
        Networks = new NetworkDriver(context);
        Subnets = new SubnetDriver(context);
        Firewalls = new FirewallDriver(context);
        Disks = new DiskDriver(context);
        Secrets = new SecretDriver(context);
        Instances = new InstanceDriver(context);
        _guests = new SimulatorGuests(context);
    }

    public IResourceDriver<NetworkSpec, NetworkFacts> Networks { get; }

    public IResourceDriver<SubnetSpec, SubnetFacts> Subnets { get; }

    public IResourceDriver<FirewallSpec, FirewallFacts> Firewalls { get; }

    public IResourceDriver<DiskSpec, DiskFacts> Disks { get; }

    public IResourceDriver<SecretSpec, SecretFacts> Secrets { get; }

    public IResourceDriver<InstanceSpec, InstanceFacts> Instances { get; }

    public async ValueTask<Answer<AccountFacts>> ProbeAsync(Call call)
    {
        var answer = await _api.AccountAsync(call);
        if (answer.Value is not { } account)
            return answer.Error!;
        return string.IsNullOrEmpty(account.AccountId)
            ? new DriverError { Code = ErrorCode.Failed, Effect = Effect.NotApplied, Scope = ErrorScope.Account, Message = "The platform named no account." }
            : new AccountFacts { AccountId = account.AccountId, DisplayName = "simulated", PlatformVersion = account.Version };
    }

    public async ValueTask DisposeAsync()
    {
        // Streams end with the session (DC-7).
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        await _ended.CancelAsync();
        await _api.DisposeAsync();
        _ownHandler?.Dispose();
        _ended.Dispose();
    }
}

/// <summary>What all kinds of one session share.</summary>
internal sealed record SimulatorContext(SimulatorApi Api, Connection Connection, SimulatorKnobs Knobs, SimulatorProfile Profile)
{
    public CreateClass ClassOf(ResourceKind kind) => Knobs.CreateClassOf(kind);
}
