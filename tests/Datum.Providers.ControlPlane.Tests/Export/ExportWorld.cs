using System.Text;
using System.Text.Json;
using Datum.Providers.ControlPlane.Export;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Telemetry;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.ControlPlane.Tests.Export;

/// <summary>A plane with export policies, their controllers and a receiver, on one manual clock.</summary>
internal sealed class ExportWorld : ICacheFactory, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ExportControllers _controllers;

    public ExportWorld(bool enabled = true, Func<string, bool>? seesHost = null)
    {
        Time = new ManualScheduler(pumped: true);
        Plane = new FakePlane(Time);
        _controllers = ExportControllers.Create(new ExportOptions
        {
            Client = Plane, Scheduler = Time, LoggerFactory = NullLoggerFactory.Instance, Caches = this, Enabled = enabled, Handler = Receiver,
            Policies = [ResourceTypes.ExportPolicies, ResourceTypes.OlderExportPolicies], SeesHost = seesHost ?? (_ => false),
            Warn = (about, reason, message, _) =>
            {
                Warnings.Add($"{about.Kind} {about.Namespace}/{about.Name}: {reason}: {message}");
                return ValueTask.CompletedTask;
            },
        });
        Plane.Sync();
        _ = Time.Run(() => _controllers.RunAsync(_stop.Token));
        Settle();
    }

    public ManualScheduler Time { get; }
    public FakePlane Plane { get; }
    public Receiver Receiver { get; } = new();
    public List<string> Warnings { get; } = [];

    /// <summary>Lets time pass until something holds; what watches bring comes on threads of their own.</summary>
    public async Task UntilAsync(Func<bool> holds, string what) => await Eventually.NothingWrongAsync(() =>
    {
        Time.Advance(TimeSpan.FromSeconds(1));
        return Task.FromResult(holds() ? null : "not so");
    }, TimeSpan.FromSeconds(20), what, every: TimeSpan.FromMilliseconds(2));

    /// <summary>A period and a batch's timeout.</summary>
    public void Settle() => Time.Advance(TimeSpan.FromSeconds(40));

    /// <summary>The only policy of a manifest, as an API server stores it.</summary>
    public static ExportPolicy Policy(string yaml, string ns = "default")
    {
        var document = YamlJson.Parse(Encoding.UTF8.GetBytes(yaml)).Single();
        var node = (string?)document["kind"] == "List" ? document["items"]!.AsArray().Single()! : document;
        node["metadata"]!["namespace"] = ns;
        return JsonSerializer.Deserialize(node.ToJsonString(), ResourceTypes.ExportPolicies.Json)!;
    }

    public static ExportPolicy Policy(string name, string ns, string selector, string endpoint = "https://metrics.example.com/push", string? secret = null)
    {
        var write = new PrometheusRemoteWrite { Endpoint = endpoint };
        if (secret is not null)
            write.Authentication = new SinkAuthentication { BasicAuth = new BasicAuthentication { SecretRef = { Name = secret } } };
        var policy = new ExportPolicy
        {
            Spec =
            {
                Sources = [new TelemetrySource { Name = "a", Metrics = new MetricsSource { Metricsql = selector } }],
                Sinks = [new TelemetrySink { Name = "s", Sources = ["a"], Target = { PrometheusRemoteWrite = write } }],
            },
        };
        (policy.Metadata.Name, policy.Metadata.Namespace) = (name, ns);
        return policy;
    }

    public void Apply(ExportPolicy policy, ResourceType<ExportPolicy>? type = null) => Plane.Insert(type ?? ResourceTypes.ExportPolicies, (type ?? ResourceTypes.ExportPolicies).Stamp(policy));

    public void Secret(string name, string password, string ns = "default", string user = "user", string type = "kubernetes.io/basic-auth")
    {
        var data = new Dictionary<string, byte[]> { ["username"] = Encoding.UTF8.GetBytes(user), ["password"] = Encoding.UTF8.GetBytes(password) };
        if (Plane.Peek(Core.Secrets, ns, name) is null)
            Plane.Insert(Core.Secrets, Core.Secrets.Stamp(new Secret { Metadata = { Name = name, Namespace = ns }, Type = type, Data = data }));
        else
            Plane.Edit(Core.Secrets, ns, name, s => s.Data = data);
    }

    public void Instance(string name, string ns, bool ready = true, string location = "dfw")
    {
        if (Plane.Peek(ResourceTypes.Locations, ns, location) is null)
        {
            Plane.Insert(ResourceTypes.Locations, ResourceTypes.Locations.Stamp(new Location
            {
                Metadata = { Name = location, Namespace = ns }, Spec = { Provider = new() { ["podman"] = JsonDocument.Parse("{}").RootElement } },
            }));
        }

        var instance = new Instance
        {
            Metadata = { Name = name, Namespace = ns },
            Spec = { Location = new LocationReference { Name = location, Namespace = ns } },
        };
        Plane.Insert(ResourceTypes.Instances, ResourceTypes.Instances.Stamp(instance));
        Plane.EditStatus(ResourceTypes.Instances, ns, name, i =>
        {
            i.Status = new InstanceStatus
            {
                Conditions = [new Condition { Type = "Ready", Status = ConditionStatus.Of(ready), Reason = "Because", LastTransitionTime = Time.Now.AddSeconds(12), Message = "" }],
                NetworkInterfaces = [new InstanceNetworkInterfaceStatus { Assignments = new NetworkAssignments { NetworkIP = "10.0.0.2" } }],
            };
        });
    }

    public ExportPolicy Live(string name = "p", string ns = "default", ResourceType<ExportPolicy>? type = null) => Plane.Peek(type ?? ResourceTypes.ExportPolicies, ns, name)!;

    public Condition? OfPolicy(string name = "p", string ns = "default") => Conditions.Find(Live(name, ns).Status?.Conditions, "Ready");

    public Condition? OfSink(string type, string name = "p", string ns = "default") => Conditions.Find(Live(name, ns).Status?.Sinks?.Single().Conditions, type);

    IObjectCache<T>? ICacheFactory.Cache<T>(ResourceType<T> type) => Plane.Cache(type);

    public void Dispose()
    {
        _stop.Cancel();
        Time.RunUntilIdle();
        _controllers.Dispose();
        _stop.Dispose();
    }
}
