using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Datum.Providers.Engine;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Datum.Providers.Resources;
using Datum.Providers.Resources.ResourceManager;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Projects;

/// <summary>Follows the Projects and engages and drains their planes while the host runs. Needs get, list and watch on projects, nothing more.</summary>
internal sealed partial class ProjectFleet : IDisposable
{
    private const string MeterName = "Datum.Providers.Projects";

    private readonly FrontDoorSettings _door;
    private readonly ExportSettings _export;
    private readonly ProviderEngine _engine;
    private readonly IScheduler _scheduler;
    private readonly ILoggerFactory _logging;
    private readonly ILogger _logger;
    private readonly ObjectCache<Project> _projects;
    private readonly WorkQueue<string> _queue;
    private readonly IDisposable _subscription;
    private readonly Meter _meter = new(MeterName);
    private readonly ConcurrentDictionary<string, Serving> _serving = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (PlaneState State, string Why)> _states = new(StringComparer.Ordinal);

    public ProjectFleet(FrontDoorSettings door, ExportSettings export, ProviderEngine engine, IScheduler scheduler, ILoggerFactory logging)
    {
        _export = export;
        (_door, _engine, _scheduler, _logging, _logger) = (door, engine, scheduler, logging, logging.CreateLogger<ProjectFleet>());
        _projects = new ObjectCache<Project>(logging.CreateLogger("Datum.Providers.Kubernetes.ObjectCache"));
        _queue = new WorkQueue<string>(scheduler, new WorkQueueOptions<string> { Name = "projects" });
        _subscription = _projects.Subscribe(c => _queue.Add(c.Key.Name));
        _meter.CreateObservableGauge<int>("datum.projects", () => _states.Values.GroupBy(s => s.State).Select(g => new Measurement<int>(g.Count(), KeyValuePair.Create<string, object?>("state", g.Key.ToString()))),
            "{project}", "Projects by what their control planes are to the host");
    }

    /// <summary>What each project's plane is, with why; those that are gone are left out.</summary>
    public IReadOnlyDictionary<string, (PlaneState State, string Why)> States => _states;

    private ResourceType<Project> Type => _door.Older ? ResourceTypes.OlderProjects : ResourceTypes.Projects;

    /// <summary>Runs until cancelled; every plane is drained when it returns.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        await using var raw = new KubernetesClient(_door.Discovery, new KubernetesClientOptions { Scheduler = _scheduler, Logger = _logging.CreateLogger<KubernetesClient>() });
        var client = new PlaneClient(raw, _scheduler, _logging.CreateLogger<PlaneClient>(), "(discovery)") { Stopping = cancellation };
        var reflector = new Reflector<Project>(client, Type, _projects, _scheduler, new ReflectorOptions { LabelSelector = _door.Selector }, _logging.CreateLogger("Datum.Providers.Kubernetes.Reflector"));
        // A project that ends slowly must not keep another from beginning.
        var controller = new Controller<string>("projects", _queue, (name, c) => ReconcileAsync(name, raw, c), _scheduler, _logger, new ControllerOptions { Workers = 8 });
        try
        {
            await Task.WhenAll(_scheduler.Run(() => reflector.RunAsync(cancellation)), StartAsync(controller, cancellation));
        }
        finally
        {
            await Task.WhenAll(_serving.Keys.Select(name => EndAsync(name)));
        }
    }

    private async Task StartAsync(Controller<string> controller, CancellationToken cancellation)
    {
        await _projects.WaitForSyncAsync(cancellation);
        var (found, wanted) = (0, 0);
        foreach (var project in _projects.All())
        {
            var why = WhyNot(project);
            (found, wanted) = (found + 1, wanted + (why is null ? 1 : 0));
            _engine.Tell(project.Metadata.Uid!, why is null ? "" : Sentence(project.Metadata.Name!, why));
        }
        _engine.TellOthers("Its project isn't among those that this host works on: it was deleted, or doesn't match the selector or the names of the projects' file. What was made for it stays as it is.");
        LogFound(_logger, found, wanted);
        await controller.RunAsync(cancellation);
    }

    /// <summary>Why a Project that is listed isn't worked on; null when it is.</summary>
    private string? WhyNot(Project project)
    {
        if (_door.Names?.Contains(project.Metadata.Name!) == false)
            return "isn't among projects.names";
        if (project.IsSuspended)
            return $"is suspended ({string.Join(", ", project.Status!.Suspensions!.Select(s => s.Reason))})";
        // What goes is still worked on: its Instances wait for our finalizer, and the Project for them.
        if (project.IsDeleting || Conditions.IsTrue(project.Status?.Conditions, ConditionTypes.Ready))
            return null;
        var ready = Conditions.Find(project.Status?.Conditions, ConditionTypes.Ready);
        return $"isn't Ready{(ready is { Reason.Length: > 0 } ? $" ({ready.Reason})" : "")}";
    }

    private async Task<Result> ReconcileAsync(string name, KubernetesClient client, CancellationToken cancellation)
    {
        var project = _projects.Find(new ObjectKey(null, name));
        var why = project is null ? "" : WhyNot(project);
        _serving.TryGetValue(name, out var serving);
        if (serving is not null && (why is not null || serving.Host.Uid != project!.Metadata.Uid))
        {
            why = project is null ? await WhyLeftAsync(name, serving.Host.Uid, client, cancellation) : why;
            _engine.Tell(serving.Host.Uid, "");
            await EndAsync(name);
            LogDrained(_logger, name, why ?? "another Project has its name now");
            _engine.Tell(serving.Host.Uid, Sentence(name, why ?? "was deleted, and another one has its name now"));
        }
        if (project is null)
        {
            _states.TryRemove(name, out _);
            return Result.Settled;
        }
        if (why is not null)
        {
            _engine.Tell(project.Metadata.Uid!, Sentence(name, why));
            _states[name] = (PlaneState.Drained, why);
            return Result.Settled;
        }
        if (!_serving.ContainsKey(name))
            Begin(name, project.Metadata.Uid!);
        return Result.Settled;
    }

    /// <summary>It left the list: its labels changed, or it is gone. Only for the sentence; either way it is drained and nothing is deleted.</summary>
    private async Task<string> WhyLeftAsync(string name, string uid, KubernetesClient client, CancellationToken cancellation)
    {
        try
        {
            var live = await client.FindAsync(Type, new ObjectKey(null, name), cancellation);
            return live?.Metadata.Uid == uid ? "doesn't match the selector any more" : "was deleted";
        }
        catch (Exception e) when (e is KubernetesException or HttpRequestException)
        {
            return "isn't listed any more";
        }
    }

    private static string Sentence(string name, string why) => $"Project {name} {why}: nothing is made, changed or deleted for it, and what was made stays as it is.";

    private void Begin(string name, string uid)
    {
        var stop = new CancellationTokenSource();
        _engine.Tell(uid, "");
        var host = new ProjectPlaneHost(name, uid, _door, _export, _engine, _scheduler, _logging, (state, why) => _states[name] = (state, why));
        _serving[name] = new Serving(host, stop, _scheduler.Run(() => host.RunAsync(stop.Token)));
    }

    private async Task EndAsync(string name)
    {
        if (!_serving.TryGetValue(name, out var serving))
            return;
        await serving.Stop.CancelAsync();
        await serving.Task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _serving.TryRemove(name, out _);
        serving.Stop.Dispose();
    }

    public void Dispose()
    {
        _subscription.Dispose();
        _queue.Dispose();
        _meter.Dispose();
    }

    private sealed record Serving(ProjectPlaneHost Host, CancellationTokenSource Stop, Task Task);

    [LoggerMessage(EventId = 1504, Level = LogLevel.Information, Message = "Project {Project} {Why}: its control plane isn't worked on any more. What runs at the platforms goes on")]
    private static partial void LogDrained(ILogger logger, string project, string why);

    [LoggerMessage(EventId = 1505, Level = LogLevel.Information, Message = "{Found} Projects found, {Wanted} of them are worked on")]
    private static partial void LogFound(ILogger logger, int found, int wanted);
}
