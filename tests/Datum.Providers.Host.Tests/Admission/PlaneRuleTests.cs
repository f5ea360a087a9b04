using System.Text.Json;
using Datum.Providers.Engine;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Host.Admission;
using Datum.Providers.Host.Composition;
using Datum.Providers.Host.Loader;
using Datum.Providers.Host.Tests.Cli;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Resources.Validation;
using Microsoft.Extensions.Logging.Abstractions;
using Instance = Datum.Providers.Resources.Compute.Instance;
using Subnet = Datum.Providers.Resources.Networking.Subnet;

namespace Datum.Providers.Host.Tests.Admission;

/// <summary>The rules that ask what else there is, with the drivers of our own volume.</summary>
[TestFixture]
public sealed class PlaneRuleTests
{
    private const string City = "topology.datum.net/city-code";

    private static readonly Lazy<DriverCatalog> s_catalog = new(() => DriverCatalog.Load(new DriverVolumeOptions { Path = CliRun.DriverVolume }, NullLoggerFactory.Instance, TimeProvider.System));

    [Test]
    public void A_city_that_no_Location_in_reach_has_is_refused_with_those_that_there_are()
    {
        using var world = new World([Location("here", "simulator", "DFW"), Location("elsewhere", "simulator", "LHR", "other")], []);

        var found = world.Check(Sandbox(w => w.Spec.Placements[0].CityCodes = ["dfw", "LHR"]));

        Assert.That(Shown(found), Does.Contain("placement.city spec.placements[0].cityCodes[1] refuses"));
        Assert.That(found.Single(j => j.Violation.Rule == Rules.PlacementCity).Violation.Message, Does.Contain("'LHR'").And.Contain("there are DFW"));
    }

    [Test]
    public void A_Network_that_isnt_there_yet_is_a_warning()
    {
        using var world = new World([Location("here", "simulator", "DFW")], []) { };
        world.Networks([]);

        Assert.That(Shown(world.Check(Sandbox())), Is.EqualTo(["network.exists spec.template.spec.networkInterfaces[0].network warns"]));
    }

    [Test]
    public void L11_what_no_Location_of_the_city_can_do_is_refused_with_field_and_capability_and_what_one_cant_is_a_warning()
    {
        var machine = Read(BadManifests.Good[1]);
        using var alone = new World([Location("pods", "podman", "DFW")], [Config("podman")]);
        using var both = new World([Location("pods", "podman", "DFW"), Location("clouds", "simulator", "DFW")], [Config("podman"), Config("simulator")]);

        var refused = alone.Check(machine).Where(j => j.Violation.Rule == Rules.Capability).ToList();
        var warned = both.Check(machine).Where(j => j.Violation.Rule == Rules.Capability).ToList();

        Assert.Multiple(() =>
        {
            Assert.That(Shown(refused), Does.Contain("capability spec.template.spec.runtime.virtualMachine refuses"));
            Assert.That(refused[0].Violation.Message, Does.Contain("capability virtualMachines").And.Contain("default/pods"));
            Assert.That(refused[0].Violation.Capability, Is.EqualTo("virtualMachines"));
            Assert.That(warned, Is.Not.Empty);
            Assert.That(warned.Select(j => j.Refuses), Is.All.False);
        });
    }

    [Test]
    public void An_instance_type_is_asked_of_the_ProviderConfig_of_the_Location()
    {
        var config = Config("simulator");
        config.Spec.InstanceTypes = new() { ["own/small"] = new() { Cpu = "1", MemoryMiB = 512 } };
        using var world = new World([Location("here", "simulator", "DFW")], [config]);

        Assert.That(Shown(world.Check(Sandbox(w => w.Spec.Template.Spec.Runtime.Resources.InstanceType = "own/small"))), Is.Empty);
        Assert.That(Shown(world.Check(Sandbox(w => w.Spec.Template.Spec.Runtime.Resources.InstanceType = "own/huge"))), Is.EqualTo(["capability spec.template.spec.runtime.resources.instanceType refuses"]));
    }

    [Test]
    public void A_policy_that_the_ProviderConfig_doesnt_take_is_refused_at_its_annotation()
    {
        using var world = new World([Location("here", "simulator", "DFW")], [Config("simulator")]);

        Assert.That(Shown(world.Check(Sandbox(w => w.Spec.Template.Metadata!.Annotations = new() { [Annotations.Adopt] = "Always" }))),
            Is.EqualTo(["annotation.policy spec.template.metadata.annotations[providers.datumapis.com/adopt] refuses"]));
    }

    [TestCase("{simulator: {zone: z1}}", null)]
    [TestCase("{simulator: {}}", "location.schema spec.provider.simulator.zone refuses")]
    [TestCase("{simulator: {zone: 'https://z1'}}", "location.schema spec.provider.simulator.zone refuses")]
    [TestCase("{nobody: {}}", "location.served spec.provider.nobody warns")]
    public void A_Location_is_asked_of_its_driver(string provider, string? found)
    {
        using var world = new World([], [Config("simulator")]);
        var location = Location("new", "simulator", "DFW");
        location.Spec.Provider = YamlJson.Parse(System.Text.Encoding.UTF8.GetBytes(provider))[0]!.Deserialize<Dictionary<string, JsonElement>>();

        Assert.That(Shown(world.Check(ResourceTypes.Locations, location)), found is null ? Is.Empty : Is.EqualTo([found]));
    }

    [Test]
    public void A_Location_that_moves_while_something_stands_there_is_refused()
    {
        var entry = new ManagedResource { Spec = { Driver = "simulator", Location = new() { Name = "here", Namespace = "default", Uid = "location-here" }, LocationBlock = JsonElement.Parse("""{"zone":"z1"}""") } };
        entry.Metadata.Name = "e";
        using var world = new World([], [Config("simulator")], [entry]);
        var moved = Location("here", "simulator", "DFW");
        moved.Spec.Provider = new() { ["simulator"] = JsonElement.Parse("""{"zone":"z2"}""") };

        Assert.That(Shown(world.Check(ResourceTypes.Locations, Location("here", "simulator", "DFW"))), Is.Empty);
        Assert.That(Shown(world.Check(ResourceTypes.Locations, moved)), Is.EqualTo(["location.moved spec.provider.simulator.zone refuses"]));
    }

    [Test]
    public void A_ProviderConfig_is_asked_of_its_driver()
    {
        using var world = new World([], []);
        var unknown = Config("nobody");
        var wrong = Config("podman");
        wrong.Spec.Settings = JsonElement.Parse("""{"resourceLimits":"Maybe"}""");

        Assert.That(Shown(world.Check(ResourceTypes.ProviderConfigs, unknown)), Is.EqualTo(["config.driver spec.driver warns"]));
        Assert.That(Shown(world.Check(ResourceTypes.ProviderConfigs, wrong)), Is.EqualTo(["config.settings spec.settings.resourceLimits refuses"]));
    }

    [Test]
    public void A_driver_that_needs_keys_wants_a_source()
    {
        var driver = s_catalog.Value.Drivers[0].Descriptor with { CredentialKeys = [new CredentialKey { Key = "token", Description = "d", Required = true }] };

        var found = ConfigRules.Check(Config(driver.Id), _ => driver, id => id).ToList();

        Assert.That(Shown(found), Is.EqualTo(["config.credentials spec.credentials refuses"]));
    }

    private static IEnumerable<string> Shown(IEnumerable<Judgement> found) => found.Select(j => $"{j.Violation.Rule.Id} {j.Violation.Field} {(j.Refuses ? "refuses" : "warns")}");

    private static Workload Read(string json) => JsonSerializer.Deserialize(json, ResourceTypes.Workloads.Json)!;

    private static Workload Sandbox(Action<Workload>? change = null)
    {
        var workload = Read(BadManifests.Good[0]);
        var spec = workload.Spec.Template.Spec;
        // What every driver takes.
        (spec.Volumes, spec.Runtime.Sandbox!.ImagePullSecrets, spec.NetworkInterfaces[0].NetworkPolicy) = (null, null, null);
        var container = spec.Runtime.Sandbox.Containers[0];
        (container.Env, container.EnvFrom, container.VolumeAttachments) = (null, null, null);
        change?.Invoke(workload);
        return workload;
    }

    private static Location Location(string name, string driver, string city, string ns = "default") => new()
    {
        Metadata = { Name = name, Namespace = ns, Uid = $"location-{name}" },
        Spec = { LocationClassName = driver, Topology = new() { [City] = city }, Provider = new() { [driver] = JsonElement.Parse(driver == "simulator" ? """{"zone":"z1"}""" : "{}") } },
    };

    private static ProviderConfig Config(string driver) => new()
    {
        Metadata = { Name = driver }, Spec = { Driver = driver, Allowed = new AllowedUse { Projects = ["*"], Scope = new() { ["zone"] = ["z1", "z2"], ["region"] = [""] } } },
    };

    /// <summary>Our drivers, with a scope that none of them has: whose zone it is decides whose money is spent.</summary>
    private sealed class Scoped(DriverConnector inner) : Engine.Sessions.IDriverConnector
    {
        public DriverDescriptor? Find(string driverId) => In(inner.Find(driverId));

        public DriverDescriptor? FindByLocationKey(string key) => In(inner.FindByLocationKey(key));

        public string WhyMissing(string driverIdOrKey) => inner.WhyMissing(driverIdOrKey);

        public ValueTask<IInfrastructureDriver> ConnectAsync(Engine.Sessions.SessionRequest request, CancellationToken cancellation) => throw new NotSupportedException();

        private static DriverDescriptor? In(DriverDescriptor? driver) => driver is { Id: "simulator" } ? driver with { SessionScope = ["zone"] } : driver;
    }

    /// <summary>Caches as a host has them, filled by hand.</summary>
    private sealed class World : IDisposable
    {
        private readonly ProjectPlane _plane;
        private readonly LocationResolver _resolver;
        private readonly PlaneRules _rules;

        public World(Location[] locations, ProviderConfig[] configs, ManagedResource[]? entries = null)
        {
            var client = new AccessClient();
            var home = new HomePlane { Client = client, Installation = "test", Namespace = "datum-providers", Entries = new ObjectCache<ManagedResource>(), Configs = new ObjectCache<ProviderConfig>() };
            _plane = new ProjectPlane
            {
                Id = "plane", Client = client, Locations = new ObjectCache<Location>(), ComputeLocations = new ObjectCache<Location>(), Networks = new ObjectCache<Network>(),
                NetworkContexts = new ObjectCache<NetworkContext>(), Subnets = new ObjectCache<Subnet>(), WorkloadDeployments = new ObjectCache<WorkloadDeployment>(), Instances = new ObjectCache<Instance>(),
            };
            var drivers = new Scoped(new DriverConnector(s_catalog.Value, NullLoggerFactory.Instance, TimeProvider.System, CliRun.DriverVolume));
            _resolver = new LocationResolver(home, _plane, drivers, development: true);
            _rules = new PlaneRules(_plane, _resolver, drivers);
            Fill(home.Entries, entries ?? []);
            Fill(home.Configs, configs);
            Fill(_plane.Locations, locations);
            Networks([new Network { Metadata = { Name = "default", Namespace = "default" } }]);
        }

        public void Networks(Network[] networks) => Fill(_plane.Networks, networks);

        public IReadOnlyList<Judgement> Check(Workload workload) => Check(ResourceTypes.Workloads, workload);

        public IReadOnlyList<Judgement> Check<T>(ResourceType<T> type, T value) where T : KubeObject =>
            _rules.Check(JsonSerializer.SerializeToNode(type.Stamp(value), type.Json)!.AsObject());

        public void Dispose() => _resolver.Dispose();

        private static void Fill<T>(IObjectCache<T> cache, T[] items) where T : KubeObject
        {
            foreach (var item in items)
                item.Metadata.ResourceVersion = "1";
            ((ObjectCache<T>)cache).Replace(items, "1", []);
        }
    }
}
