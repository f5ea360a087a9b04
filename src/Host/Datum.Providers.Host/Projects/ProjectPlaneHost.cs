using Datum.Providers.ControlPlane;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Projects;

/// <summary>What a project's plane is to the host.</summary>
internal enum PlaneState
{
    Unknown = 0,

    /// <summary>It is asked what it serves, or its caches are being filled.</summary>
    Engaging = 1,

    /// <summary>Worked on.</summary>
    Engaged = 2,

    /// <summary>The last attempt failed; the next one comes by itself.</summary>
    Waiting = 3,

    /// <summary>It lacks kinds that this host needs, or has some that it doesn't handle; nothing there is touched.</summary>
    Unsupported = 4,

    /// <summary>Not wanted, suspended or gone: nothing is done for it.</summary>
    Drained = 5,
}

/// <summary>One project's plane from the first question to the end of the last worker: connections, caches, queues and workers of its own.</summary>
internal sealed partial class ProjectPlaneHost(
    string project, string uid, FrontDoorSettings door, ExportSettings exports, ProviderEngine engine, IScheduler scheduler, ILoggerFactory logging, Action<PlaneState, string> tell)
{
    /// <summary>Shorter than at home: who doesn't answer in this time is tried again later.</summary>
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    /// <summary>Kinds are seldom installed: an unsupported plane is asked again after so long.</summary>
    private static readonly TimeSpan UnsupportedWait = TimeSpan.FromMinutes(5);

    private readonly ILogger _logger = logging.CreateLogger<ProjectPlaneHost>();

    public string Uid => uid;

    /// <summary>Runs until cancelled: then no worker, watch or request of this plane is left.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var wait = FirstWait;
        while (!cancellation.IsCancellationRequested)
        {
            var began = scheduler.Time.GetTimestamp();
            string why;
            var unsupported = false;
            try
            {
                tell(PlaneState.Engaging, "");
                if (await ServeAsync(cancellation) is not { } lacks)
                    return;
                (why, unsupported) = (lacks, true);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is HttpRequestException or KubernetesException or HostStartException)
            {
                why = e.Message;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A fault of ours in one plane ends neither the host nor another plane.
                why = e.Message;
                LogFault(_logger, project, e);
            }
            if (scheduler.Time.GetElapsedTime(began) > LongestWait)
                wait = FirstWait;
            if (unsupported)
                LogUnsupported(_logger, project, why);
            else
                LogFailed(_logger, project, why, (int)wait.TotalSeconds);
            engine.Tell(uid, unsupported ? $"{Reasons.UnsupportedPlane}: the control plane of project {project} isn't supported. {why}" : $"The control plane of project {project} can't be worked on: {why}");
            tell(unsupported ? PlaneState.Unsupported : PlaneState.Waiting, why);
            try
            {
                await scheduler.Delay((unsupported ? UnsupportedWait : wait) * (0.75 + scheduler.NextRandom() / 2), cancellation);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
        }
    }

    /// <summary>Why the plane isn't supported; null once it was worked on and the end was asked for.</summary>
    private async Task<string?> ServeAsync(CancellationToken cancellation)
    {
        await using var raw = new KubernetesClient(door.Plane(project), new KubernetesClientOptions
        {
            Scheduler = scheduler, Logger = logging.CreateLogger<KubernetesClient>(), RequestTimeout = RequestTimeout, MaxRetries = 1,
        });
        var client = new PlaneClient(raw, scheduler, logging.CreateLogger<PlaneClient>(), project) { Stopping = cancellation };
        var shape = await PlaneShape.ReadAsync(client, cancellation);
        if (await PlaneSupport.WhyNotAsync(raw, shape, cancellation) is { } lacks)
            return lacks;
        PlaneMembers.Tell(_logger, shape, $"The control plane of project {project}");
        var events = new EventRecorder(_ => client, scheduler, logging.CreateLogger<EventRecorder>());
        var watch = new PlaneWatch(client, scheduler, logging, new UnreadableObjects(client, events, scheduler, logging.CreateLogger<UnreadableObjects>()));
        watch.Serves(ResourceTypes.Locations, shape.Locations);
        watch.Serves(ResourceTypes.ComputeLocations, shape.OtherLocations);
        if (!await PlaneChecks.ServesAsync(raw, shape.OtherLocations, cancellation))
            watch.Without(ResourceTypes.ComputeLocations);
        if (!await PlaneChecks.ServesAsync(raw, ResourceTypes.NetworkPolicies, cancellation))
            watch.Without(ResourceTypes.NetworkPolicies);
        var plane = new ProjectPlane
        {
            // The Project's own UID: a new Project of an old name is another plane, and the id is known before the plane answers.
            Id = uid, Project = project, LocationType = shape.Locations, OtherLocationType = shape.OtherLocations, Client = client, SharedClient = new HurriedClient(client, () => client.IsDown, project, scheduler.Time),
            Locations = watch.Of(ResourceTypes.Locations), ComputeLocations = watch.Of(ResourceTypes.ComputeLocations),
            Networks = watch.Of(ResourceTypes.Networks), NetworkContexts = watch.Of(ResourceTypes.NetworkContexts),
            Subnets = watch.Of(ResourceTypes.Subnets), WorkloadDeployments = watch.Of(ResourceTypes.WorkloadDeployments),
            Instances = watch.Of(ResourceTypes.Instances),
        };
        using var part = engine.Engage(plane);
        using var core = await RunsCoreAsync(raw, cancellation)
            ? CoreControllers.Create(new CoreControllersOptions
            {
                Client = client, Scheduler = scheduler, LoggerFactory = logging, Caches = new PlaneCaches(watch), Usage = new PlaneUsage(engine.Usage, uid),
                Warn = (about, reason, message, c) => events.WarnAsync(client, about, reason, message, c),
            })
            : null;
        // Nobody there may see what the host measures of itself, whatever the namespace is called (law L14).
        using var export = await new ExportComposition(exports, static _ => false, client, scheduler, logging).CreateAsync(core is not null, watch, events, cancellation);

        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        List<Task> running = [watch.RunAsync(stop.Token), scheduler.Run(() => part.RunAsync(stop.Token)), EngagedAsync(part, core is not null, stop.Token), ReshapedAsync(shape, client, stop.Token)];
        if (core is not null)
            running.Add(scheduler.Run(() => core.RunAsync(stop.Token)));
        if (export is not null)
            running.Add(scheduler.Run(() => export.RunAsync(stop.Token)));
        try
        {
            // Each ends only by a fault or when it is asked to.
            await Task.WhenAny(running);
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        cancellation.ThrowIfCancellationRequested();
        await Task.WhenAll(running);
        return null;
    }

    /// <summary>Fails when the plane has another shape than it was engaged with: then it is engaged anew.</summary>
    private async Task ReshapedAsync(PlaneShape shape, PlaneClient client, CancellationToken cancellation) =>
        throw new HttpRequestException($"It serves {await shape.ChangedAsync(client, scheduler, why => LogNotAsked(_logger, project, why), cancellation)} now instead of {shape.Text}; it is engaged anew.");

    private async Task EngagedAsync(PlaneEngine part, bool core, CancellationToken cancellation)
    {
        await part.WaitForSyncAsync(cancellation);
        LogEngaged(_logger, project, uid, core ? "with" : "without");
        tell(PlaneState.Engaged, "");
        await scheduler.Delay(Timeout.InfiniteTimeSpan, cancellation);
    }

    /// <summary>The core controllers run only on a plane whose kinds we installed; where that can't be read, the plane has its own.</summary>
    private async Task<bool> RunsCoreAsync(KubernetesClient client, CancellationToken cancellation)
    {
        if (!door.Core)
            return false;
        try
        {
            var crd = await client.FindAsync(Core.CustomResourceDefinitions, new ObjectKey(null, "workloads.compute.datumapis.com"), cancellation);
            return crd?.Metadata.Label(Labels.Installed) == "true";
        }
        catch (KubernetesException e) when (e.Code is 403 or 404)
        {
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Project {Project}: what its control plane serves can't be asked: {Why}")]
    private static partial void LogNotAsked(ILogger logger, string project, string why);

    [LoggerMessage(EventId = 1501, Level = LogLevel.Information, Message = "Project {Project}: its control plane is worked on (plane {Plane}), {Core} core controllers")]
    private static partial void LogEngaged(ILogger logger, string project, string plane, string core);

    [LoggerMessage(EventId = 1502, Level = LogLevel.Warning, Message = "Project {Project}: its control plane can't be worked on: {Why} It is tried again in about {Seconds} s; the other projects go on")]
    private static partial void LogFailed(ILogger logger, string project, string why, int seconds);

    [LoggerMessage(EventId = 1506, Level = LogLevel.Error, Message = "Project {Project}: the host itself failed at its control plane")]
    private static partial void LogFault(ILogger logger, string project, Exception error);

    [LoggerMessage(EventId = 1503, Level = LogLevel.Error, Message = "Project {Project}: UnsupportedPlane, nothing there is touched: {Why}")]
    private static partial void LogUnsupported(ILogger logger, string project, string why);
}
