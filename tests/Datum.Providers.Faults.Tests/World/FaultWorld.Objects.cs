using System.Text;
using System.Text.Json;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Instance = Datum.Providers.Resources.Compute.Instance;

namespace Datum.Providers.Faults.Tests.World;

/// <summary>What people make, and how one sees that it works.</summary>
internal sealed partial class FaultWorld
{
    public const string Namespace = "default";

    /// <summary>Another tenant's namespace, which the ProviderConfig doesn't allow.</summary>
    public const string Stranger = "tenant-b";

    /// <summary>Stands in a secret; must be found nowhere else (L12).</summary>
    public const string Canary = "canary-7f3a9c51";

    public string Credential { get; set; } = "canary-credential-e1";

    /// <summary>What the driver says of itself, changed by a scenario.</summary>
    public Func<DriverDescriptor, DriverDescriptor> DescribeAs { get; set; } = static d => d;

    internal DriverDescriptor Describe(DriverDescriptor descriptor) => DescribeAs(descriptor);

    public List<ManagedResource> Entries => Plane.Live(ResourceTypes.ManagedResources);
    public List<Instance> Instances => Plane.Live(ResourceTypes.Instances);
    public ImmutableArray<CloudObject> Servers => [.. Cloud.In(Collections.Servers).Where(s => !Oracle.IsPlanted(s.Id))];

    public T Create<T>(ResourceType<T> type, T value) where T : KubeObject => Plane.Insert(type, type.Stamp(value));

    /// <summary>Config, Location, secret; things of others at the platform; a stranger's Location. Then the host.</summary>
    public async Task BeginAsync()
    {
        var settings = new System.Text.Json.Nodes.JsonObject
        {
            ["knobs"] = new System.Text.Json.Nodes.JsonObject
            {
                ["createClasses"] = new System.Text.Json.Nodes.JsonObject(Options.Knobs.CreateClasses.Select(c => KeyValuePair.Create(c.Key.ToString(), (System.Text.Json.Nodes.JsonNode?)c.Value.ToString()))),
            },
        };
        Create(ResourceTypes.ProviderConfigs, new ProviderConfig
        {
            Metadata = { Name = "sim" },
            Spec =
            {
                Driver = "simulator", Endpoint = "http://cloud.test", Settings = JsonElement.Parse(settings.ToJsonString()), DiskTypes = new() { ["pd-standard"] = "sim-standard" },
                Allowed = new AllowedUse { Namespaces = [Namespace] }, Management = new ManagementDefaults { PollInterval = Options.PollInterval },
                Credentials = new ProviderCredentials { Source = CredentialsSource.Secret, SecretRef = new() { Name = "cloud" } },
            },
        });
        CreateLocation();
        Create(Core.Secrets, new Secret { Metadata = { Name = "app", Namespace = Namespace }, Data = new() { ["password"] = Encoding.UTF8.GetBytes(Canary) } });
        CreateStranger();
        await Oracle.PlantAsync();
        Cloud.Credential = Other.Credential = Credential;
        foreach (var host in Options.Hosts)
            Start(host, Options.UseLease ?? Options.Hosts.Length > 1);
    }

    /// <summary>Makes an object at the platform past the host, as its other users do; gives its id.</summary>
    public async Task<string> PostAsync(string collection, System.Text.Json.Nodes.JsonObject body)
    {
        using var http = new HttpMessageInvoker(Wire, disposeHandler: false);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://cloud.test/v1/{collection}") { Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new("Bearer", Cloud.Credential ?? "none");
        var before = Cloud.Objects.Select(o => o.Id).ToHashSet();
        using var answer = await http.SendAsync(request, CancellationToken.None);
        return answer.IsSuccessStatusCode
            ? Cloud.In(collection).Single(o => !before.Contains(o.Id)).Id
            : throw new WorldException($"The world can't be furnished: {await answer.Content.ReadAsStringAsync()}");
    }

    public void CreateLocation(string name = "here", string city = "DFW", string zone = "z1", string ns = Namespace) =>
        Create(ResourceTypes.Locations, new Location
        {
            Metadata = { Name = name, Namespace = ns },
            Spec = { LocationClassName = "self-managed", Topology = { [Labels.CityCode] = city }, Provider = new() { ["simulator"] = JsonElement.Parse($$"""{"zone":"{{zone}}"}""") } },
        });

    public void CreateNetwork() => Create(ResourceTypes.Networks, new Network { Metadata = { Name = "default", Namespace = Namespace }, Spec = { Ipam = { Mode = "Auto" } } });

    public void CreateWorkload(int replicas = 1, Action<Workload>? change = null)
    {
        var workload = new Workload { Metadata = { Name = "web", Namespace = Namespace } };
        var spec = workload.Spec.Template.Spec;
        spec.Runtime = new InstanceRuntime
        {
            Resources = { InstanceType = "datumcloud/d1-standard-2" },
            Sandbox = new SandboxRuntime
            {
                Containers =
                [
                    new SandboxContainer
                    {
                        Name = "web", Image = "web:1", Ports = [new NamedPort { Name = "http", Port = 80 }], EnvFrom = [new() { SecretRef = new() { Name = "app" } }],
                    },
                ],
            },
        };
        spec.NetworkInterfaces =
        [
            new InstanceNetworkInterface
            {
                Network = { Name = "default" }, NetworkPolicy = new InterfaceNetworkPolicy { Ingress = [new NetworkPolicyIngressRule { Ports = [new NetworkPolicyPort { Port = "http" }] }] },
            },
        ];
        workload.Spec.Placements = [new Placement { Name = "us", CityCodes = ["DFW"], ScaleSettings = { MinReplicas = replicas } }];
        change?.Invoke(workload);
        Create(ResourceTypes.Workloads, workload);
    }

    /// <summary>Adds an empty data disk.</summary>
    public static void WithDisk(Workload workload)
    {
        workload.Spec.Template.Spec.Volumes =
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
    }

    public void EditWorkload(Action<Workload> change) => Plane.Edit(ResourceTypes.Workloads, Namespace, "web", change);

    public void SetImage(string image) => EditWorkload(w => w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = image);

    public void SetReplicas(int replicas) => EditWorkload(w => w.Spec.Placements[0].ScaleSettings.MinReplicas = replicas);

    public void EditConfig(Action<ProviderConfig> change) => Plane.Edit(ResourceTypes.ProviderConfigs, null, "sim", change);

    public void Delete<T>(ResourceType<T> type, string name, string? ns = Namespace) where T : KubeObject => Plane.Delete(type, new ObjectKey(ns, name));

    public void DeleteAll()
    {
        Delete(ResourceTypes.Workloads, "web");
        Delete(ResourceTypes.Networks, "default");
    }

    /// <summary>The workload does its work: so many servers, all in this form, and every condition says so.</summary>
    public bool Runs(int replicas = 1, string image = "web:1") =>
        Servers is { } servers && servers.Length == replicas && servers.All(s => s.State == "READY" && s.Containers is [{ } c] && c.Image == image)
        && Instances is { } instances && instances.Count(i => i.Metadata.Namespace == Namespace) == replicas
        && instances.Where(i => i.Metadata.Namespace == Namespace).All(i => Conditions.IsTrue(i.Status?.Conditions, ConditionTypes.Ready) && Conditions.IsTrue(i.Status?.Conditions, ConditionTypes.Running))
        && Plane.Peek(ResourceTypes.Workloads, Namespace, "web") is { } workload && Conditions.IsTrue(workload.Status?.Conditions, ConditionTypes.Available)
        && AtRest;

    /// <summary>Every entry is ready and none has an open intent.</summary>
    public bool AtRest => Entries.All(e => Conditions.IsTrue(e.Status?.Conditions, ConditionTypes.Ready) && e.Spec.Record.Intent is null);

    public bool NothingIsLeft => Entries.Count == 0 && Cloud.Objects.All(o => Oracle.IsPlanted(o.Id))
        && Plane.Live(ResourceTypes.Workloads).Count + Plane.Live(ResourceTypes.WorkloadDeployments).Count == 0
        && Instances.All(i => i.Metadata.Namespace == Stranger) && Plane.Live(ResourceTypes.Networks).All(n => n.Metadata.Namespace == Stranger)
        && Plane.Live(ResourceTypes.NetworkContexts).All(n => n.Metadata.Namespace == Stranger) && Plane.Live(ResourceTypes.Subnets).All(n => n.Metadata.Namespace == Stranger);

    public Task RunningAsync(int replicas = 1, Action<Workload>? change = null)
    {
        CreateNetwork();
        CreateWorkload(replicas, change);
        return UntilAsync("the workload runs", () => Runs(replicas));
    }

    /// <summary>L14: a tenant who may write Locations points one at the account, and an Instance at it.</summary>
    private void CreateStranger()
    {
        CreateLocation("theirs", "LAX", "z1", Stranger);
        Create(ResourceTypes.Instances, new Instance
        {
            Metadata = { Name = "evil", Namespace = Stranger },
            Spec =
            {
                Runtime = new InstanceRuntime { Resources = { InstanceType = "datumcloud/d1-standard-2" }, Sandbox = new SandboxRuntime { Containers = [new SandboxContainer { Name = "c", Image = "evil:1" }] } },
                NetworkInterfaces = [new InstanceNetworkInterface { Network = { Name = "default", Namespace = Namespace } }],
                Location = new LocationReference { Name = "theirs", Namespace = Stranger },
                Controller = new InstanceControllerSpec { TemplateHash = "h" },
            },
        });
    }
}
