using System.Security.Cryptography;
using Datum.Providers.ControlPlane;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Limits;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Host.Drivers;
using Datum.Providers.Host.Loader;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Composition;

/// <summary>What a host is started with.</summary>
public sealed record HostSettings
{
    public required string DriverVolume { get; init; }

    /// <summary>SHA-256 of the driver.json files that may run; null for any.</summary>
    public IReadOnlySet<string>? TrustedDigests { get; init; }

    /// <summary>Keys one of which must have signed each driver; null for no signatures.</summary>
    public DriverKeys? DriverKeys { get; init; }

    /// <summary>Folder, this process's alone, that outlives it: crash record, start-up report, copies of native libraries. Null: none is kept.</summary>
    public string? StatePath { get; init; }

    /// <summary>1 to 16 of <c>[a-z0-9]</c>; null derives it from the home plane's kube-system UID.</summary>
    public string? Installation { get; init; }

    /// <summary>The namespace of credentials and the lease. Default <c>datum-providers</c>; <c>default</c> in the development host.</summary>
    public string Namespace { get; init; } = "datum-providers";

    /// <summary>True: our CRDs are installed at start and ProviderConfigs without <c>allowed</c> allow everybody.</summary>
    public bool Development { get; init; }

    /// <summary>True: nothing is changed at any platform.</summary>
    public bool ObserveOnly { get; init; }

    /// <summary>True: the plane is shared, so a lease is held. False where the process owns the plane.</summary>
    public bool UseLease { get; init; }

    /// <summary>Where the projects are whose planes are worked on; null: the home plane is the only project plane.</summary>
    public Projects.FrontDoorSettings? Projects { get; init; }

    /// <summary>Where the admission webhook listens; null for none.</summary>
    public Admission.WebhookSettings? Webhook { get; init; }

    /// <summary>Whether Datum's own controllers run here. Default Auto.</summary>
    public CoreUse Core { get; init; }

    /// <summary>What export policies do. Default: nothing is sent.</summary>
    public ExportSettings Export { get; init; } = new();
}

/// <summary>Whether Datum's own controllers run on a plane.</summary>
public enum CoreUse
{
    /// <summary>Where its Workload definition has our label.</summary>
    Auto = 0,

    /// <summary>Also where somebody else installed it, as a GitOps tool that takes labels away; nobody else's may run there.</summary>
    Always = 1,

    /// <summary>Not even where we installed it.</summary>
    Never = 2,
}

/// <summary>One host over one plane: loads the drivers, fills the caches, runs the core controllers and the provider engine. The program's whole main path is in <see cref="RunAsync"/>.</summary>
public sealed partial class HostRuntime(HostSettings settings, IKubernetesClient client, IScheduler scheduler, ILoggerFactory logging)
{
    private static readonly TimeSpan LongestFill = TimeSpan.FromSeconds(30);

    private readonly RunningCalls _calls = new();
    private Task _work = Task.CompletedTask;
    private readonly ILogger _logger = logging.CreateLogger<HostRuntime>();
    private readonly PlaneClient _client = new(client, scheduler, logging.CreateLogger<PlaneClient>());

    /// <summary>The projects of this round; null in single mode and before the start.</summary>
    internal Projects.ProjectFleet? Fleet { get; private set; }

    /// <summary>Called once everything was started; the controllers begin when their caches have the first complete list.</summary>
    public Action? Started { get; init; }

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var crashes = settings.StatePath is { } state ? CrashBook.Open(state, scheduler.Time, logging.CreateLogger<CrashBook>()) : null;
        using var watched = crashes is null ? null : new CrashWatch(crashes, logging.CreateLogger<CrashWatch>(), cancellation);
        var catalog = DriverCatalog.Load(new DriverVolumeOptions
        {
            Path = settings.DriverVolume, TrustedDigests = settings.TrustedDigests, Keys = settings.DriverKeys, Scheduler = scheduler,
            Marks = _calls, Crashes = crashes, NativePath = crashes is null ? null : Path.Combine(crashes.Folder, "native"),
        }, logging, scheduler.Time);
        crashes?.TryWrite(() => DriverInventory.Write(catalog, crashes.Folder));

        _client.Stopping = cancellation;
        // A person who says what the plane is (installation continue or fork) begins another round.
        while (await RunRoundAsync(catalog, cancellation))
        {
        }
    }

    /// <summary>Runs until it is stopped, or until the plane is another one than it was engaged as (confirmed meanwhile, or of another shape): then true.</summary>
    private async Task<bool> RunRoundAsync(DriverCatalog catalog, CancellationToken cancellation)
    {
        var planeUid = await PlaneChecks.IdentityAsync(_client, cancellation);
        if (settings.Development)
            await PlaneInstaller.ApplyCrdsAsync(_client, Crds.All().Select(c => c.Yaml), cancellation);
        var shape = settings.Projects is null ? await PlaneShape.ReadAsync(_client, cancellation) : null;
        if (shape is not null)
            await shape.RequireSupportedAsync(_client, settings.Core, cancellation);
        await PlaneChecks.RequireAsync(_client, settings.Namespace, shape, cancellation);
        var events = new EventRecorder(_ => _client, scheduler, logging.CreateLogger<EventRecorder>());
        var verdict = await ConfirmAsync(planeUid, events, cancellation);
        LogPlane(_logger, planeUid, verdict.Installation, catalog.Drivers.Count);
        if (shape is not null)
            PlaneMembers.Tell(_logger, shape, "The API server");

        var watch = new PlaneWatch(_client, scheduler, logging, new UnreadableObjects(_client, events, scheduler, logging.CreateLogger<UnreadableObjects>()));
        if (shape is not null)
        {
            watch.Serves(ResourceTypes.Locations, shape.Locations);
            watch.Serves(ResourceTypes.ComputeLocations, shape.OtherLocations);
        }
        if (shape is not null && !await PlaneChecks.ServesAsync(_client.Direct, shape.OtherLocations, cancellation))
            watch.Without(ResourceTypes.ComputeLocations);
        if (!await PlaneChecks.ServesAsync(_client.Direct, ResourceTypes.NetworkPolicies, cancellation))
            watch.Without(ResourceTypes.NetworkPolicies);
        var home = new HomePlane
        {
            Client = _client, Installation = verdict.Installation, Namespace = settings.Namespace,
            Entries = watch.Of(ResourceTypes.ManagedResources), Configs = watch.Of(ResourceTypes.ProviderConfigs),
        };
        var plane = settings.Projects is not null ? null : new ProjectPlane
        {
            Id = verdict.Plane, Client = _client, LocationType = shape!.Locations, OtherLocationType = shape.OtherLocations,
            Locations = watch.Of(ResourceTypes.Locations), ComputeLocations = watch.Of(ResourceTypes.ComputeLocations),
            Networks = watch.Of(ResourceTypes.Networks), NetworkContexts = watch.Of(ResourceTypes.NetworkContexts),
            Subnets = watch.Of(ResourceTypes.Subnets), WorkloadDeployments = watch.Of(ResourceTypes.WorkloadDeployments),
            Instances = watch.Of(ResourceTypes.Instances),
        };

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // Two containers of one machine can have one host name and one process id: a name of its own for each process, or both would lead.
        var holder = $"{Environment.MachineName}_{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4))}_{Environment.ProcessId}";
        var (gate, elector) = Gate(holder, verdict.Unconfirmed);
        var connector = new DriverConnector(catalog, logging, scheduler.Time, settings.DriverVolume);
        using var engine = ProviderEngine.Create(new EngineParts
        {
            Home = home, Plane = plane, Credentials = new CredentialSource(home), CredentialFiles = CredentialFiles.VersionOf, Gate = gate, Scheduler = scheduler, Logging = logging,
            Drivers = connector,
            Development = settings.Development, LedgerOnly = verdict.Unconfirmed is not null,
        });

        // The core controllers run only where we installed the kinds, or where a person says so: elsewhere the platform's own do their work. Each project's plane has its own.
        var core = plane is not null && verdict.Unconfirmed is null && await PlaneChecks.RunsCoreAsync(_client, settings.Core, cancellation)
            ? CoreControllers.Create(new CoreControllersOptions
            {
                Client = _client, Scheduler = scheduler, LoggerFactory = logging, Caches = new PlaneCaches(watch), Usage = new PlaneUsage(engine.Usage, verdict.Plane),
                Warn = (about, reason, message, c) => events.WarnAsync(_client, about, reason, message, c),
            })
            : null;
        if (core is null && plane is not null && verdict.Unconfirmed is null)
            LogNoCore(_logger, settings.Core is CoreUse.Never ? "--core-controllers never" : "the plane's Workload CRD isn't ours");
        using var export = plane is not null && verdict.Unconfirmed is null ? await new ExportComposition(settings.Export, SeesHost, _client, scheduler, logging).CreateAsync(core is not null, watch, events, cancellation) : null;

        // A standby answers too: what it says is read from caches.
        await using var webhook = plane is not null && settings.Webhook is { } listen
            ? await Admission.WebhookHost.StartAsync(listen, home, plane, engine.Locations, connector, _client, logging, scheduler.Time, stop.Token) : null;

        var running = new List<Task> { watch.RunAsync(stop.Token) };
        CancellationToken? lease = null;
        if (elector is not null)
        {
            // Who takes the lease works at once: a standby's drivers are loaded and its caches full before it asks for it.
            await watch.FilledAsync(LongestFill, stop.Token);
            LogStandsBy(_logger, catalog.Drivers.Count, settings.Namespace);
            running.Add(elector.RunAsync(stop.Token));
            var leadership = await elector.WaitForLeadershipAsync(stop.Token);
            // Who lost the lease must not linger: the process ends, and its successor begins with fresh caches.
            leadership.Register(() => stop.Cancel());
            lease = leadership;
        }
        // Only who leads tells what it found: a standby of another version would fight over the same objects.
        try
        {
            await DriverRegistrar.WriteAsync(_client, catalog, stop.Token);
        }
        catch (KubernetesException e) when (e.Code == 403)
        {
            // It only tells; the right that is missing was named by the client.
            LogNotRegistered(_logger, e.Message);
        }
        catch (OperationCanceledException) when (lease is { IsCancellationRequested: true } && !cancellation.IsCancellationRequested)
        {
            throw LeaseLost();
        }
        var work = new List<Task> { engine.RunAsync(stop.Token) };
        if (core is not null)
            work.Add(core.RunAsync(stop.Token));
        if (export is not null)
            work.Add(export.RunAsync(stop.Token));
        using var fleet = settings.Projects is { } door && verdict.Unconfirmed is null ? new Projects.ProjectFleet(door, settings.Export, engine, scheduler, logging) : null;
        if (fleet is not null)
            work.Add(fleet.RunAsync(stop.Token));
        Fleet = fleet;
        _work = Task.WhenAll(work);
        running.AddRange(work);
        var decided = verdict.Unconfirmed is null ? null : DecidedAsync(planeUid, stop.Token);
        if (decided is not null)
            running.Add(decided);
        var reshaped = ReshapedAsync(shape, stop.Token);
        running.Add(reshaped);
        if (!_started)
            Started?.Invoke();
        _started = true;

        try
        {
            await Task.WhenAny(running);
        }
        finally
        {
            await stop.CancelAsync();
        }
        try
        {
            await Task.WhenAll(running);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            if (decided is not { IsCompletedSuccessfully: true } && !reshaped.IsCompletedSuccessfully)
                LogStopped(_logger);
        }
        if (decided is { IsCompletedSuccessfully: true } && !cancellation.IsCancellationRequested)
        {
            LogDecided(_logger, settings.Namespace);
            return true;
        }
        if (reshaped.IsCompletedSuccessfully && !cancellation.IsCancellationRequested)
            return true;
        if (lease is { IsCancellationRequested: true } && !cancellation.IsCancellationRequested)
            throw LeaseLost();
        return false;
    }

    /// <summary>What this host is at this plane; the first start stores it.</summary>
    private async Task<InstallationVerdict> ConfirmAsync(string planeUid, EventRecorder events, CancellationToken cancellation)
    {
        var verdict = await InstallationVerdict.FindAsync(_client, settings.Namespace, planeUid, settings.Installation, cancellation);
        if (verdict.Unconfirmed is { } why)
        {
            LogUnconfirmed(_logger, why);
            await events.WarnAsync(_client, new ObjectReference { ApiVersion = "v1", Kind = "ConfigMap", Namespace = settings.Namespace, Name = InstallationBinding.Name }, Reasons.InstallationUnconfirmed, why, cancellation);
        }
        if (verdict.Bind is { } bind && !settings.ObserveOnly)
            try
            {
                await bind.WriteAsync(_client, settings.Namespace, cancellation);
            }
            catch (KubernetesException e) when (e.IsAlreadyExists || e.IsConflict)
            {
                // Another host of this plane was faster: what it wrote counts.
                return await InstallationVerdict.FindAsync(_client, settings.Namespace, planeUid, settings.Installation, cancellation);
            }
            catch (KubernetesException e) when (e.Code == 403)
            {
                LogNotBound(_logger, settings.Namespace, InstallationBinding.Name, e.Message);
            }
        return verdict;
    }

    /// <summary>Ends when the plane is confirmed. The only thing that is asked again and again, and only while it is needed.</summary>
    private async Task DecidedAsync(string planeUid, CancellationToken cancellation)
    {
        while (true)
        {
            await scheduler.Delay(ConfirmationPeriod, cancellation);
            try
            {
                if ((await InstallationVerdict.FindAsync(_client, settings.Namespace, planeUid, settings.Installation, cancellation)).Unconfirmed is null)
                    return;
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException)
            {
                // A server that is down is told by the client; nothing is confirmed by it.
                LogNotAsked(_logger, e.Message);
            }
        }
    }

    /// <summary>The operator's own namespace, and everybody where one person develops.</summary>
    private bool SeesHost(string ns) => settings.Development || ns == settings.Namespace;

    /// <summary>Ends when the plane has another shape than it was engaged with; never without one.</summary>
    private async Task ReshapedAsync(PlaneShape? shape, CancellationToken cancellation)
    {
        if (shape is null)
            await scheduler.Delay(Timeout.InfiniteTimeSpan, cancellation);
        else
            LogReshaped(_logger, await shape.ChangedAsync(_client, scheduler, why => LogNotAsked(_logger, why), cancellation), shape.Text);
    }
    private static readonly TimeSpan ConfirmationPeriod = TimeSpan.FromSeconds(2);
    private bool _started;

    private HostStartException LeaseLost() => new(
        $"The lease {settings.Namespace}/datum-providers was lost: the API server didn't take its renewals in time, or another host holds it. What runs at the platforms goes on; start the host again, it waits for the lease.");

    /// <summary>
    /// Whether somebody may have led before, asked when there is no Lease. Who leads tells its drivers before it works, and nothing is begun at a
    /// platform without an entry (law L4): where there is neither, nobody can have anything under way.
    /// </summary>
    private async Task<bool> MayHaveLedAsync(CancellationToken cancellation) =>
        (await _client.ListAsync(ResourceTypes.ManagedResources, new ListOptions { Limit = 1 }, cancellation)) is not { Items.Count: 0, Unreadable.Count: 0 }
        || (await _client.ListAsync(ResourceTypes.ProviderDrivers, new ListOptions { Limit = 1 }, cancellation)) is not { Items.Count: 0, Unreadable.Count: 0 };

    private (IMutationGate Gate, LeaseElector? Elector) Gate(string holder, string? unconfirmed)
    {
        if (!settings.UseLease)
            return (new ExclusiveGate(holder, settings.ObserveOnly, unconfirmed), null);
        var elector = new LeaseElector(_client, scheduler, new LeaseElectorOptions
        {
            Lease = new ObjectKey(settings.Namespace, "datum-providers"), Identity = holder,
            // Released only when no call is under way any more, given up or not: the successor doesn't wait then (law L10).
            DrainAsync = DrainAsync,
            MayHaveLedAsync = MayHaveLedAsync,
        }, logging.CreateLogger<LeaseElector>());
        return (new LeaseGate(elector, holder, settings.ObserveOnly, scheduler.Time, CallDeadlines.Longest, unconfirmed), elector);
    }

    private async Task DrainAsync(CancellationToken limit)
    {
        await _work.WaitAsync(limit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        limit.ThrowIfCancellationRequested();
        await _calls.IdleAsync().WaitAsync(limit);
    }

    [LoggerMessage(EventId = 1001, Level = LogLevel.Information, Message = "Plane {Plane}, installation {Installation}, {Drivers} drivers")]
    private static partial void LogPlane(ILogger logger, string plane, string installation, int drivers);

    [LoggerMessage(EventId = 1002, Level = LogLevel.Information, Message = "The core controllers stay off: {Why}")]
    private static partial void LogNoCore(ILogger logger, string why);

    [LoggerMessage(EventId = 1004, Level = LogLevel.Information, Message = "{Drivers} drivers loaded and caches filled; asks for the lease {Namespace}/datum-providers")]
    private static partial void LogStandsBy(ILogger logger, int drivers, string @namespace);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The drivers that were found can't be told on ProviderDriver objects: {Reason}")]
    private static partial void LogNotRegistered(ILogger logger, string reason);

    [LoggerMessage(EventId = 1005, Level = LogLevel.Error, Message = "Observes only, nothing is changed at any platform: {Why}")]
    private static partial void LogUnconfirmed(ILogger logger, string why);

    [LoggerMessage(EventId = 1006, Level = LogLevel.Information, Message = "A person has said what this plane is (namespace {Namespace}); the host begins anew")]
    private static partial void LogDecided(ILogger logger, string @namespace);

    [LoggerMessage(EventId = 1007, Level = LogLevel.Warning, Message = "ConfigMap {Namespace}/{Name} can't be written, so a plane that was copied or restored won't be noticed: {Reason}. Grant get, create and patch on configmaps there")]
    private static partial void LogNotBound(ILogger logger, string @namespace, string name, string reason);

    [LoggerMessage(EventId = 1008, Level = LogLevel.Warning, Message = "The API server serves {Now} instead of {Before}; the host begins anew")]
    private static partial void LogReshaped(ILogger logger, string now, string before);

    [LoggerMessage(Level = LogLevel.Debug, Message = "What the plane is can't be asked: {Reason}")]
    private static partial void LogNotAsked(ILogger logger, string reason);

    [LoggerMessage(EventId = 1003, Level = LogLevel.Information, Message = "Stopped; what runs at the platforms goes on")]
    private static partial void LogStopped(ILogger logger);
}
