using System.Text.Json;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;
using Subnet = Datum.Providers.Resources.Networking.Subnet;

namespace Datum.Providers.Engine.Tests.World;

/// <summary>What users and the core controllers would have made.</summary>
internal sealed partial class EngineWorld
{
    public const string Namespace = "default";

    public Instance Instance => Plane.Peek(ResourceTypes.Instances, Namespace, "web-0")!;

    public List<ManagedResource> Entries => Plane.Live(ResourceTypes.ManagedResources);

    /// <summary>The only entry of a kind.</summary>
    public ManagedResource Entry(string kind) => Entries.Single(e => e.Spec.Kind == kind);

    /// <summary>Why the only entry of a kind is ready or not; null while there is none.</summary>
    public string? ReasonOf(string kind) => Entries.SingleOrDefault(e => e.Spec.Kind == kind) is { } entry ? Ready(entry)?.Reason : null;

    public CloudObject Server => Cloud.In(Collections.Servers).Single();

    public static Condition? Ready(ManagedResource entry) => Conditions.Find(entry.Status?.Conditions, ConditionTypes.Ready);

    public bool Is(string condition, string status = ConditionStatus.True) => Conditions.Find(Instance.Status?.Conditions, condition)?.Status == status;

    /// <summary>The instance does its work in its newest form.</summary>
    public bool Runs(string image = "web:1") =>
        Is(ConditionTypes.Programmed) && Is(ConditionTypes.Running)
        && Cloud.In(Collections.Servers) is [{ State: "READY" } server] && server.Containers is [{ } c] && c.Image == image;

    public bool NothingIsLeft => Entries.Count == 0 && Cloud.Objects.Length == 0
        && Plane.Live(ResourceTypes.Instances).Count + Plane.Live(ResourceTypes.Subnets).Count + Plane.Live(ResourceTypes.NetworkContexts).Count + Plane.Live(ResourceTypes.Networks).Count == 0;

    /// <summary>Entries at rest: nothing to do, nothing open.</summary>
    public bool AllReady => Entries.All(e => Conditions.IsTrue(e.Status?.Conditions, ConditionTypes.Ready) && e.Spec.Record.Intent is null);

    public T Create<T>(ResourceType<T> type, T value) where T : KubeObject =>
        Plane.CreateAsync(type, type.Stamp(value), CancellationToken.None).GetAwaiter().GetResult();

    public void CreateNetwork()
    {
        CreateNetworkAlone();
        CreateContext();
        CreateSubnet();
    }

    /// <summary>As <see cref="CreateNetwork"/>, in another namespace.</summary>
    public void CreateNetworkOf(string ns)
    {
        CreateNetworkAlone(ns);
        CreateContext(ns);
        CreateSubnet(ns);
    }

    public void CreateNetworkAlone(string ns = Namespace)
    {
        var network = new Network { Spec = { Ipam = { Mode = "Auto" } } };
        network.Metadata.Name = "default";
        network.Metadata.Namespace = ns;
        Create(ResourceTypes.Networks, network);
    }

    public void CreateContext(string ns = Namespace)
    {
        var context = new NetworkContext { Spec = { Network = { Name = "default" }, Location = { Name = "here", Namespace = ns } } };
        context.Metadata.Name = "default-here";
        context.Metadata.Namespace = ns;
        Create(ResourceTypes.NetworkContexts, context);
    }

    public void CreateSubnet(string ns = Namespace)
    {
        var subnet = new Subnet
        {
            Spec = { SubnetClass = "private", IpFamily = "IPv4", NetworkContext = { Name = "default-here" }, Location = { Name = "here", Namespace = ns } },
        };
        subnet.Metadata.Name = "default-here-v4";
        subnet.Metadata.Namespace = ns;
        Create(ResourceTypes.Subnets, subnet);
        Plane.EditStatus(ResourceTypes.Subnets, ns, "default-here-v4", s => s.Status = new SubnetStatus
        {
            StartAddress = "10.128.0.0", PrefixLength = 20,
            Conditions = [new Condition { Type = ConditionTypes.Allocated, Status = ConditionStatus.True, Reason = Reasons.PrefixAllocated }],
        });
    }

    /// <summary>The Network's context at another Location, with a Subnet of a /20 (null: its range is to come).</summary>
    public void CreateContextAt(string location, string? start)
    {
        var context = new NetworkContext { Spec = { Network = { Name = "default" }, Location = { Name = location, Namespace = Namespace } } };
        context.Metadata.Name = $"default-{location}";
        context.Metadata.Namespace = Namespace;
        Create(ResourceTypes.NetworkContexts, context);
        CreateSubnetAt(location, $"default-{location}-v4", start);
    }

    /// <summary>A Subnet in the context of a Location.</summary>
    public void CreateSubnetAt(string location, string name, string? start)
    {
        var subnet = new Subnet { Spec = { SubnetClass = "private", IpFamily = "IPv4", NetworkContext = { Name = $"default-{location}" }, Location = { Name = location, Namespace = Namespace } } };
        subnet.Metadata.Name = name;
        subnet.Metadata.Namespace = Namespace;
        Create(ResourceTypes.Subnets, subnet);
        if (start is not null)
            Allocate(name, start);
    }

    public void Allocate(string subnet, string start) => Plane.EditStatus(ResourceTypes.Subnets, Namespace, subnet, s => s.Status = new SubnetStatus
    {
        StartAddress = start, PrefixLength = 20,
        Conditions = [new Condition { Type = ConditionTypes.Allocated, Status = ConditionStatus.True, Reason = Reasons.PrefixAllocated }],
    });

    public Condition? ContextProgrammed(string context) =>
        Conditions.Find(Plane.Peek(ResourceTypes.NetworkContexts, Namespace, context)!.Status?.Conditions, ConditionTypes.Programmed);

    /// <summary>One instance by way of the core controllers.</summary>
    public Workload CreateWorkload(Action<Workload>? change = null)
    {
        var workload = new Workload();
        workload.Metadata.Name = "web";
        workload.Metadata.Namespace = Namespace;
        workload.Spec.Template.Spec.Runtime = new InstanceRuntime
        {
            Resources = { InstanceType = "datumcloud/d1-standard-2" },
            Sandbox = new SandboxRuntime { Containers = [new SandboxContainer { Name = "web", Image = "web:1" }] },
        };
        workload.Spec.Template.Spec.NetworkInterfaces = [new InstanceNetworkInterface { Network = { Name = "default" } }];
        workload.Spec.Placements = [new Placement { Name = "us", CityCodes = ["DFW"], ScaleSettings = { MinReplicas = 1 } }];
        change?.Invoke(workload);
        return Create(ResourceTypes.Workloads, workload);
    }

    public Instance CreateInstance(Action<Instance>? change = null)
    {
        var instance = new Instance
        {
            Spec = new()
            {
                Runtime = new InstanceRuntime
                {
                    Resources = { InstanceType = "datumcloud/d1-standard-2" },
                    Sandbox = new SandboxRuntime { Containers = [new SandboxContainer { Name = "web", Image = "web:1", Ports = [new NamedPort { Name = "http", Port = 80 }] }] },
                },
                NetworkInterfaces = [new InstanceNetworkInterface
                {
                    Network = { Name = "default" },
                    NetworkPolicy = new InterfaceNetworkPolicy { Ingress = [new NetworkPolicyIngressRule { Ports = [new NetworkPolicyPort { Port = "http" }] }] },
                }],
                Location = new LocationReference { Name = "here", Namespace = Namespace },
                Controller = new InstanceControllerSpec { TemplateHash = "h1" },
            },
        };
        instance.Metadata.Name = "web-0";
        instance.Metadata.Namespace = Namespace;
        change?.Invoke(instance);
        return Create(ResourceTypes.Instances, instance);
    }

    /// <summary>Adds an empty data disk.</summary>
    public static void WithDisk(Instance instance) => instance.Spec.Volumes =
    [
        new InstanceVolume
        {
            Name = "data",
            Disk = new Resources.Compute.DiskVolume
            {
                Template = { Spec = { Type = "pd-standard", Resources = new DiskResources { Requests = new() { ["storage"] = "10Gi" } }, Populator = new DiskPopulator { Filesystem = new FilesystemPopulator { Type = "ext4" } } } },
            },
        },
    ];

    public void EditInstance(Action<Instance> change) => Plane.Edit(ResourceTypes.Instances, Namespace, "web-0", change);

    public void DeleteInstance() => Plane.Delete(ResourceTypes.Instances, new ObjectKey(Namespace, "web-0"));

    /// <summary>In the order of the core controllers: a context goes when its subnets are gone.</summary>
    public void DeleteNetwork() => DeleteNetworkOf(Namespace);

    public void DeleteNetworkOf(string ns)
    {
        Plane.Delete(ResourceTypes.Networks, new ObjectKey(ns, "default"));
        Plane.Delete(ResourceTypes.Subnets, new ObjectKey(ns, "default-here-v4"));
        Until("the subnet is gone", () => Plane.Peek(ResourceTypes.Subnets, ns, "default-here-v4") is null, TimeSpan.FromHours(1));
        Plane.Delete(ResourceTypes.NetworkContexts, new ObjectKey(ns, "default-here"));
    }

    /// <summary>Brings one instance to work.</summary>
    /// <param name="expected">False: something holds it back; then only its entry is waited for.</param>
    public EngineWorld Running(Action<Instance>? change = null, bool expected = true)
    {
        CreateNetwork();
        CreateInstance(change);
        if (!expected)
        {
            Until("the instance has its entry", () => Entries.Any(e => e.Spec.Kind == "Instance"));
            Advance(TimeSpan.FromMinutes(5));
            return this;
        }
        Until("the instance runs", () => Runs() && AllReady);
        return this;
    }

    private void Furnish()
    {
        CreateConfig();
        CreateLocation();
    }

    public void CreateConfig(Action<ProviderConfigSpec>? change = null, string name = "sim")
    {
        var settings = new System.Text.Json.Nodes.JsonObject
        {
            ["knobs"] = new System.Text.Json.Nodes.JsonObject
            {
                ["createClasses"] = new System.Text.Json.Nodes.JsonObject(_classes.Select(c => KeyValuePair.Create(c.Key.ToString(), (System.Text.Json.Nodes.JsonNode?)c.Value.ToString()))),
            },
        };
        var config = new ProviderConfig
        {
            Spec = { Driver = "simulator", Endpoint = "http://cloud.test", Settings = JsonElement.Parse(settings.ToJsonString()), DiskTypes = new() { ["pd-standard"] = "sim-standard" } },
        };
        config.Metadata.Name = name;
        change?.Invoke(config.Spec);
        Create(ResourceTypes.ProviderConfigs, config);
    }

    public void CreateLocation(Action<Location>? change = null)
    {
        var location = new Location { Spec = { LocationClassName = "self-managed", Topology = { [Labels.CityCode] = "DFW" }, Provider = new() { ["simulator"] = JsonElement.Parse("""{"zone":"z1"}""") } } };
        location.Metadata.Name = "here";
        location.Metadata.Namespace = Namespace;
        change?.Invoke(location);
        Create(ResourceTypes.Locations, location);
    }
}
