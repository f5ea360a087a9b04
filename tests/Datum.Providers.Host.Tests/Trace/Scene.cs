using System.Text.Json;
using Datum.Providers.Host.Cli.Trace;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using DatumInstanceSpec = Datum.Providers.Resources.Compute.InstanceSpec;
using DatumNetworkSpec = Datum.Providers.Resources.Networking.NetworkSpec;
using DatumSubnetSpec = Datum.Providers.Resources.Networking.SubnetSpec;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Host.Tests.Trace;

/// <summary>A plane on which everything is ready; a test spoils one thing or two.</summary>
internal sealed class Scene
{
    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly Dictionary<string, string> _uids = new(StringComparer.Ordinal);

    public Scene(int instances = 1)
    {
        Plane.NetworksListed.Add("default");
        Workload = Named(new Workload
        {
            Spec = new WorkloadSpec
            {
                Template = new InstanceTemplate { Spec = Template() },
                Placements = [new Placement { Name = "us", CityCodes = ["DFW"], ScaleSettings = new ScaleSettings { MinReplicas = instances } }],
            },
            Status = new WorkloadStatus
            {
                Conditions = [True("Available", "AvailablePlacementFound")], ReadyReplicas = instances, DesiredReplicas = instances, CurrentReplicas = instances,
                Placements = [new PlacementStatus { Name = "us", Conditions = [True("Available", "AvailableDeploymentFound")] }],
            },
        }, "web");
        Plane.Workloads.Add(Workload);
        Deployment = Named(new WorkloadDeployment
        {
            Spec = new WorkloadDeploymentSpec { WorkloadRef = new WorkloadReference { Name = "web", Uid = Workload.Metadata.Uid! }, PlacementName = "us", CityCode = "DFW", Template = Workload.Spec.Template },
            Status = new WorkloadDeploymentStatus
            {
                Location = Place, ReadyReplicas = instances, DesiredReplicas = instances,
                Conditions = [True("Scheduled", "LocationAssigned"), True("Available", "StableInstanceFound")],
            },
        }, "web-us-dfw");
        Plane.Deployments.Add(Deployment);
        Location = AddLocation("dfw", "DFW");
        Driver = Cluster(new ProviderDriver { Status = new ProviderDriverStatus { State = DriverState.Ready, Reason = "Ready", LocationKey = "podman", Version = "1.0" } }, "podman");
        Plane.Drivers.Add(Driver);
        Config = Cluster(new ProviderConfig
        {
            Spec = new ProviderConfigSpec { Driver = "podman" },
            Status = new ProviderConfigStatus { AccountId = "acct-1", Locations = ["default/dfw"], Conditions = [True("Ready", "ProbeSucceeded")] },
        }, "main");
        Plane.Configs.Add(Config);

        Network = Named(new Network { Spec = new DatumNetworkSpec { IpFamilies = ["IPv4"] } }, "default");
        Plane.Networks.Add(Network);
        Context = Named(new NetworkContext
        {
            Spec = new NetworkContextSpec { Network = new LocalReference { Name = "default" }, Location = Place },
            Status = new NetworkContextStatus { Conditions = [True("Programmed", "Programmed"), True("Ready", "Ready")] },
        }, "default-default-dfw");
        Plane.Contexts.Add(Context);
        Binding = Owned(new NetworkBinding
        {
            Spec = new NetworkBindingSpec { Network = new NetworkReference { Name = "default" }, Location = Place },
            Status = new NetworkBindingStatus { NetworkContextRef = new NetworkContextReference { Namespace = "default", Name = Context.Metadata.Name! }, Conditions = [True("Ready", "NetworkContextReady")] },
        }, "web-us-dfw-net-0", "WorkloadDeployment", Deployment);
        Plane.Bindings.Add(Binding);
        Claim = Named(new SubnetClaim
        {
            Spec = new SubnetClaimSpec { NetworkContext = new LocalReference { Name = Context.Metadata.Name! }, IpFamily = "IPv4" },
            Status = new SubnetClaimStatus { SubnetRef = new LocalReference { Name = "default-default-dfw-0" }, Conditions = [True("Ready", "SubnetReady")] },
        }, "default-default-dfw-0");
        Plane.Claims.Add(Claim);
        Subnet = Named(new Subnet
        {
            Spec = new DatumSubnetSpec { NetworkContext = new LocalReference { Name = Context.Metadata.Name! }, IpFamily = "IPv4" },
            Status = new SubnetStatus { StartAddress = "10.128.0.0", PrefixLength = 20, Conditions = [True("Allocated", "PrefixAllocated"), True("Programmed", "Programmed"), True("Ready", "Ready")] },
        }, "default-default-dfw-0");
        Plane.Subnets.Add(Subnet);
        NetworkEntry = AddEntry("Network", "NetworkContext", Context, "n0");
        for (var i = 0; i < instances; i++)
        {
            var instance = Owned(new Instance
            {
                Spec = Instances(Template()),
                Status = new InstanceStatus { Conditions = [True("Programmed", "Programmed"), True("Running", "Running"), True("Ready", "Running")] },
            }, $"web-us-dfw-{i}", "WorkloadDeployment", Deployment);
            Plane.Instances.Add(instance);
            AddEntry("Instance", "Instance", instance, $"i{i}");
        }
    }

    private static LocationReference Place => new() { Name = "dfw", Namespace = "default" };

    public PlaneSnapshot Plane { get; } = new() { Now = Now };
    public Workload Workload { get; }
    public WorkloadDeployment Deployment { get; }
    public Instance Instance => Plane.Instances[0];
    public Location Location { get; }
    public ProviderConfig Config { get; }
    public ProviderDriver Driver { get; }
    public Network Network { get; }
    public NetworkBinding Binding { get; }
    public NetworkContext Context { get; }
    public SubnetClaim Claim { get; }
    public Subnet Subnet { get; }
    public ManagedResource NetworkEntry { get; }
    public ManagedResource Entry => Plane.Entries.First(e => e.Spec.Kind == "Instance");

    public TraceTree Tree(string target = "workload/web") =>
        TreeBuilder.Build(Plane, TraceTarget.Parse(target, "default")) ?? throw new AssertionException($"{target} isn't in the scene.");

    public Verdict Verdict(string target = "workload/web") => RootCause.Find(Tree(target));

    public Location AddLocation(string name, string city, string driver = "podman")
    {
        var location = Named(new Location
        {
            Spec = new LocationSpec
            {
                LocationClassName = "datum-managed", Topology = new Dictionary<string, string> { [Labels.CityCode] = city },
                Provider = new Dictionary<string, JsonElement> { [driver] = JsonElement.Parse("{}") },
            },
            Status = new LocationStatus { Conditions = [True("Accepted", "Accepted"), True("Ready", "ProbeSucceeded")] },
        }, name);
        Plane.Locations.Add(location);
        return location;
    }

    public ManagedResource AddEntry(string kind, string ownerKind, KubeObject owner, string name)
    {
        var entry = Cluster(new ManagedResource
        {
            Spec = new ManagedResourceSpec
            {
                Kind = kind, Slot = kind.ToLowerInvariant(), Driver = "podman", ProviderConfig = "main", Wanted = true,
                Location = new ResourceLocation { Name = "dfw", Namespace = "default" },
                Owner = new ResourceOwner { Kind = ownerKind, Namespace = "default", Name = owner.Metadata.Name!, Uid = owner.Metadata.Uid! },
                Record = new ResourceRecord { Incarnation = 1, AccountId = "acct-1", Parts = [new RecordedPart { Name = "main", Id = $"id-{name}" }] },
            },
            Status = new ManagedResourceStatus { State = "Ready", ProviderId = $"id-{name}", Conditions = [True("Ready", "Ready"), True("Synced", "Ready")] },
        }, name);
        Plane.Entries.Add(entry);
        return entry;
    }

    /// <summary>The entry's failure as the host records it, and what the objects above it say then.</summary>
    public Scene Fails(string reason, string message, string status = "False")
    {
        Fail(Entry, reason, message, status);
        if (status == "False")
            Entry.Spec.Record.LastError = new RecordedError { Code = reason, Effect = "NotApplied", Message = message, At = Now - TimeSpan.FromSeconds(3) };
        InstanceSays(reason, "A sentence of ours.", status);
        return this;
    }

    /// <summary>The first Instance isn't ready, and so nothing above it is.</summary>
    public Scene InstanceSays(string reason, string message, string status = "False", string type = "Programmed")
    {
        Set(Instance.Status!.Conditions!, type, status, reason, message);
        Set(Instance.Status.Conditions!, "Ready", status, reason, message);
        return NotAvailable("ProvisioningInstances");
    }

    public Scene NotAvailable(string reason, string message = "told from below")
    {
        Set(Deployment.Status!.Conditions!, "Available", "False", reason, message);
        Set(Workload.Status!.Placements![0].Conditions!, "Available", "False", "NoAvailableDeployments", message);
        Set(Workload.Status.Conditions!, "Available", "False", "NoAvailablePlacements", message);
        return this;
    }

    /// <summary>The Location isn't usable, and the deployment waits for one.</summary>
    public Scene LocationSays(string reason, string message, string type = "Accepted")
    {
        Set(Location.Status!.Conditions!, type, "False", reason, message);
        Set(Location.Status.Conditions!, "Ready", "False", reason, message);
        return Unplaced();
    }

    public Scene Unplaced(string reason = "NoCandidateLocations")
    {
        Deployment.Status!.Location = null;
        Set(Deployment.Status.Conditions!, "Scheduled", "False", reason, "not placed");
        Plane.Instances.Clear();
        Plane.Entries.RemoveAll(e => e.Spec.Kind == "Instance");
        Plane.Bindings.Clear();
        return NotAvailable(reason);
    }

    /// <summary>The network isn't ready; the Instance waits behind the gate of its name.</summary>
    public Scene NetworkWaits()
    {
        Set(Binding.Status!.Conditions!, "Ready", "False", "NetworkContextNotReady", "waits");
        Gate(SchedulingGates.Network);
        return NotAvailable("ProvisioningNetwork");
    }

    public Scene Gate(params string[] gates)
    {
        Instance.Spec.Controller = new InstanceControllerSpec { SchedulingGates = [.. gates.Select(g => new SchedulingGate { Name = g })] };
        InstanceSays("SchedulingGatesPresent", $"Waits for the scheduling gates {string.Join(", ", gates)}.");
        return this;
    }

    /// <summary>What the driver saw of the container.</summary>
    public Scene Container(string reason, string message, int? exit = null)
    {
        Fail(Entry, "ProgrammingInProgress", "");
        Entry.Status!.State = "Degraded";
        Entry.Status.Observed = ContractJson.Write(new InstanceFacts
        {
            Power = PowerState.Running, PlatformState = "Degraded",
            Containers = [new ContainerFacts { Name = "nginx", Running = false, Reason = reason, Message = message, ExitCode = exit }],
        });
        return InstanceSays(reason, message, type: "Running");
    }

    public static void Fail(ManagedResource entry, string reason, string message, string status = "False")
    {
        Set(entry.Status!.Conditions!, "Ready", status, reason, message);
        Set(entry.Status.Conditions!, "Synced", status, reason, message);
    }

    public static void Set(List<Condition> conditions, string type, string status, string reason, string message)
    {
        conditions.RemoveAll(c => c.Type == type);
        conditions.Add(new Condition { Type = type, Status = status, Reason = reason, Message = message, LastTransitionTime = Now - TimeSpan.FromMinutes(2) });
    }

    public void Lease(TimeSpan age, string? holder = "host-1") => Plane.Leases.Add(new Lease
    {
        Metadata = new ObjectMeta { Namespace = "datum-providers", Name = "datum-providers" },
        Spec = new LeaseSpec { HolderIdentity = holder, LeaseDurationSeconds = 15, RenewTime = Now - age },
    });

    public static void Delete(KubeObject value, params string[] finalizers)
    {
        value.Metadata.DeletionTimestamp = Now - TimeSpan.FromMinutes(3);
        value.Metadata.Finalizers = [.. finalizers];
    }

    private static DatumInstanceSpec Template() => new()
    {
        Runtime = new InstanceRuntime { Sandbox = new SandboxRuntime { Containers = [new SandboxContainer { Name = "nginx", Image = "nginx:latest" }] } },
        NetworkInterfaces = [new InstanceNetworkInterface { Network = new NetworkReference { Name = "default" } }],
    };

    private static DatumInstanceSpec Instances(DatumInstanceSpec spec)
    {
        spec.Location = Place;
        return spec;
    }

    private T Named<T>(T value, string name) where T : KubeObject
    {
        value.Metadata.Namespace = "default";
        return Cluster(value, name);
    }

    private T Owned<T>(T value, string name, string kind, KubeObject owner) where T : KubeObject
    {
        value.Metadata.OwnerReferences = [new OwnerReference { Kind = kind, Name = owner.Metadata.Name!, Uid = owner.Metadata.Uid!, Controller = true }];
        return Named(value, name);
    }

    private T Cluster<T>(T value, string name) where T : KubeObject
    {
        value.Metadata.Name = name;
        value.Metadata.Uid = $"uid-{_uids.Count}";
        _uids[value.Metadata.Uid] = name;
        value.Metadata.Generation = 1;
        value.Metadata.CreationTimestamp = Now - TimeSpan.FromMinutes(10);
        return value;
    }

    private static Condition True(string type, string reason) => new() { Type = type, Status = "True", Reason = reason, LastTransitionTime = Now - TimeSpan.FromMinutes(9) };
}
