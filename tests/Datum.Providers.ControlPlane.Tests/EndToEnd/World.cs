using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>A plane, the core controllers and a provider, all on one manual clock and one thread.</summary>
internal sealed class World : IDisposable
{
    public const string Namespace = "default";
    private readonly CancellationTokenSource _stop = new();
    private readonly ErrorLog _log = new();
    private readonly IInstanceUsage? _usage;
    private CoreControllers? _controllers;

    /// <param name="usage">What instances use; null: nobody measures, as in the host.</param>
    public World(TimeSpan? watchDelay = null, int seed = 1, IInstanceUsage? usage = null)
    {
        _usage = usage;
        Time = new ManualScheduler(seed, pumped: true);
        Plane = new FakePlane(Time) { WatchDelay = watchDelay ?? TimeSpan.Zero };
        Provider = new FakeProvider(Plane);
        Start();
    }

    public ManualScheduler Time { get; }
    public FakePlane Plane { get; }
    public FakeProvider Provider { get; }
    public PlaneCaches Caches { get; private set; } = null!;

    /// <summary>Kind, name and reason of the events that were written.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>What the controllers logged as errors.</summary>
    public List<string> Errors => _log.Errors;

    /// <summary>Ends the controllers without any goodbye, and starts others with empty caches.</summary>
    public void Restart()
    {
        Plane.DropCaches();
        _controllers?.Dispose();
        Start();
    }

    /// <summary>Lets controllers and provider work until neither writes any more.</summary>
    public void Settle(bool withProvider = true)
    {
        for (var round = 0; round < 500; round++)
        {
            var before = Plane.Writes.Count;
            Time.Advance(TimeSpan.FromSeconds(1));
            var provided = withProvider && Provider.Step();
            if (!provided && Plane.Writes.Count == before)
            {
                Time.Advance(TimeSpan.FromSeconds(5));
                if (Plane.Writes.Count == before)
                    return;
            }
        }

        Assert.Fail("It doesn't come to rest. The last writes: " + string.Join("; ", Plane.Writes.TakeLast(10)));
    }

    public T Create<T>(ResourceType<T> type, T value) where T : KubeObject
    {
        var create = Plane.CreateAsync(type, type.Stamp(value), CancellationToken.None);
        Assert.That(() => { Time.RunUntilIdle(); return create.IsCompleted; }, Is.True.After(5000, 1));
        return create.Result;
    }

    public Network CreateNetwork(string name = "default", Action<Network>? change = null)
    {
        var network = new Network { Spec = { Ipam = { Mode = "Auto" } } };
        network.Metadata.Name = name;
        network.Metadata.Namespace = Namespace;
        change?.Invoke(network);
        return Create(ResourceTypes.Networks, network);
    }

    public Location CreateLocation(string name = "here", string city = "DFW", string? ns = Namespace)
    {
        var location = new Location { Spec = { LocationClassName = "self-managed", Topology = { [Labels.CityCode] = city } } };
        location.Metadata.Name = name;
        location.Metadata.Namespace = ns;
        return Create(ResourceTypes.Locations, location);
    }

    public Workload CreateWorkload(string name = "web", int replicas = 1, Action<Workload>? change = null)
    {
        var workload = new Workload();
        workload.Metadata.Name = name;
        workload.Metadata.Namespace = Namespace;
        workload.Spec.Template.Spec.Runtime = new InstanceRuntime
        {
            Resources = { InstanceType = "datumcloud/d1-standard-2" },
            Sandbox = new SandboxRuntime { Containers = [new SandboxContainer { Name = "web", Image = "web:1" }] },
        };
        workload.Spec.Template.Spec.NetworkInterfaces = [new InstanceNetworkInterface { Network = { Name = "default" } }];
        workload.Spec.Placements = [new Placement { Name = "us", CityCodes = ["DFW"], ScaleSettings = { MinReplicas = replicas } }];
        change?.Invoke(workload);
        return Create(ResourceTypes.Workloads, workload);
    }

    public Workload Workload(string name = "web") => Plane.Peek(ResourceTypes.Workloads, Namespace, name)!;

    public WorkloadDeployment Deployment(string name = "web-us-dfw") => Plane.Peek(ResourceTypes.WorkloadDeployments, Namespace, name)!;

    public List<Instance> Instances => Plane.Live(ResourceTypes.Instances);

    public void Edit(string workload, Action<Workload> change) => Plane.Edit(ResourceTypes.Workloads, Namespace, workload, change);

    /// <summary>Sets an annotation of a Workload, or takes it away.</summary>
    public void Annotate(string workload, string key, string? value) => Edit(workload, w =>
    {
        if (value is null)
            w.Metadata.Annotations?.Remove(key);
        else
            (w.Metadata.Annotations ??= [])[key] = value;
    });

    /// <summary>The condition of the only deployment.</summary>
    public Condition? OfDeployment(string type, string name = "web-us-dfw") => Conditions.Find(Deployment(name).Status?.Conditions, type);

    public void Delete<T>(ResourceType<T> type, string name, string? ns = Namespace) where T : KubeObject => Plane.Delete(type, new ObjectKey(ns, name));

    public static Condition? Available(Workload workload) => Conditions.Find(workload.Status?.Conditions, ConditionTypes.Available);

    /// <summary>Everything on the plane but Locations.</summary>
    public List<string> Left() =>
    [
        .. Names(ResourceTypes.Workloads), .. Names(ResourceTypes.WorkloadDeployments), .. Names(ResourceTypes.Instances), .. Names(ResourceTypes.Networks),
        .. Names(ResourceTypes.NetworkBindings), .. Names(ResourceTypes.NetworkContexts), .. Names(ResourceTypes.SubnetClaims), .. Names(ResourceTypes.Subnets),
    ];

    public void Dispose()
    {
        _stop.Cancel();
        _controllers?.Dispose();
        _stop.Dispose();
    }

    private IEnumerable<string> Names<T>(ResourceType<T> type) where T : KubeObject => Plane.Live(type).Select(o => $"{type.Plural}/{o.Metadata.Name}");

    private ValueTask WarnAsync(ObjectReference about, string reason, string message, CancellationToken cancellation)
    {
        Warnings.Add($"{about.Kind} {about.Name} {reason}");
        return ValueTask.CompletedTask;
    }

    private void Start()
    {
        Caches = new PlaneCaches(new Factory(Plane));
        Plane.Sync();
        _controllers = CoreControllers.Create(new CoreControllersOptions { Client = Plane, Scheduler = Time, LoggerFactory = _log, Caches = Caches, Usage = _usage, Warn = WarnAsync });
        _ = Time.Run(() => _controllers.RunAsync(_stop.Token));
        Time.RunUntilIdle();
    }

    private sealed class Factory(FakePlane plane) : ICacheFactory
    {
        public IObjectCache<T> Cache<T>(ResourceType<T> type) where T : KubeObject => plane.Cache(type);
    }

    private sealed class ErrorLog : ILoggerFactory, ILogger
    {
        public List<string> Errors { get; } = [];

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => this;

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                Errors.Add($"{formatter(state, exception)} {exception}");
        }
    }
}
