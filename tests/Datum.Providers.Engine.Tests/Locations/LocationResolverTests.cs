using System.Text.Json;
using Datum.Providers.Engine.Locations;
using Datum.Providers.Engine.Sessions;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Datum.Providers.Testing;

namespace Datum.Providers.Engine.Tests.Locations;

/// <summary>Law L14: who may reach which account is decided here, whoever wrote the Location or its annotation.</summary>
internal sealed class LocationResolverTests
{
    private const string Block = """{"project":"p1","zone":"z1"}""";

    [Test]
    public void One_config_that_matches_serves_the_location()
    {
        using var world = new Resolving(Config("a"));
        var answer = world.Resolve(Location());
        Assert.That(answer.Resolved?.Config.Metadata.Name, Is.EqualTo("a"));
        Assert.That(answer.Resolved!.Block.Block.GetProperty("zone").GetString(), Is.EqualTo("z1"));
    }

    [Test]
    public void No_config_is_told() => Assert.That(new Resolving().Resolve(Location()).Reason, Is.EqualTo(Reasons.ProviderConfigNotFound));

    [Test]
    public void Two_configs_are_told_by_name()
    {
        var answer = new Resolving(Config("a"), Config("b")).Resolve(Location());
        Assert.That(answer.Reason, Is.EqualTo(Reasons.ProviderConfigAmbiguous));
        Assert.That(answer.Message, Does.Contain("a").And.Contain("b"));
    }

    [Test]
    public void A_selector_takes_the_second_one_out() =>
        Assert.That(new Resolving(Config("a", c => c.Locations = new LocationMatch { ClassNames = ["managed"] }), Config("b", c => c.Locations = new LocationMatch { ClassNames = ["self-managed"] }))
            .Resolve(Location()).Resolved?.Config.Metadata.Name, Is.EqualTo("b"));

    [TestCase("here", true)]
    [TestCase("default/here", true)]
    [TestCase("elsewhere", false)]
    public void Names_are_matched_with_and_without_namespace(string name, bool serves) =>
        Assert.That(new Resolving(Config("a", c => c.Locations = new LocationMatch { Names = [name] })).Resolve(Location()).Resolved is not null, Is.EqualTo(serves));

    [Test]
    public void Labels_are_matched_all()
    {
        var config = Config("a", c => c.Locations = new LocationMatch { Selector = new MatchLabelsSelector { MatchLabels = new() { ["x"] = "1", ["y"] = "2" } } });
        Assert.That(new Resolving(config).Resolve(Location(l => l.Metadata.Labels = new Dictionary<string, string> { ["x"] = "1" })).Resolved, Is.Null);
        Assert.That(new Resolving(config).Resolve(Location(l => l.Metadata.Labels = new Dictionary<string, string> { ["x"] = "1", ["y"] = "2" })).Resolved, Is.Not.Null);
    }

    [Test]
    public void L14_without_a_list_nobody_is_allowed() => Assert.That(new Resolving(Config("a", c => c.Allowed = null)).Resolve(Location()).Reason, Is.EqualTo(Reasons.NotAllowed));

    [Test]
    public void L14_another_namespace_is_not_allowed() =>
        Assert.That(new Resolving(Config("a", c => c.Allowed!.Namespaces = ["prod"])).Resolve(Location()).Reason, Is.EqualTo(Reasons.NotAllowed));

    [Test]
    public void L14_a_scope_value_that_is_not_listed_is_not_allowed()
    {
        var answer = new Resolving(Config("a", c => c.Allowed!.Scope = new() { ["project"] = ["p2"] })).Resolve(Location());
        Assert.That(answer.Reason, Is.EqualTo(Reasons.NotAllowed));
        Assert.That(answer.Message, Does.Contain("project").And.Contain("p1"));
    }

    [Test]
    public void L14_a_scope_field_without_a_list_allows_no_value() =>
        Assert.That(new Resolving(Config("a", c => c.Allowed!.Scope = null)).Resolve(Location()).Reason, Is.EqualTo(Reasons.NotAllowed));

    [Test]
    public void L14_the_annotation_is_held_to_the_same_lists()
    {
        Location Annotated(string project) => Location(l =>
        {
            l.Spec.Provider = null;
            l.Metadata.Annotations = new() { [Annotations.Provider] = $$"""{"cloud":{"project":"{{project}}","zone":"z1"} }""" };
        });
        Assert.That(new Resolving(Config("a")).Resolve(Annotated("p1")).Resolved?.Block.Block.GetProperty("project").GetString(), Is.EqualTo("p1"));
        Assert.That(new Resolving(Config("a")).Resolve(Annotated("p9")).Reason, Is.EqualTo(Reasons.NotAllowed));
    }

    [TestCase("default", true)]
    [TestCase("other", false)]
    [TestCase("Default", false)]
    [TestCase("default ", false)]
    [TestCase("*", false)]
    public void L14_a_location_of_cluster_scope_is_for_the_namespaces_that_are_listed(string user, bool allowed)
    {
        using var world = new Resolving(Config("a"));
        world.Plane.Cache(ResourceTypes.Locations).Observe(Location(l =>
        {
            l.Metadata.Namespace = null;
            (l.Metadata.Uid, l.Metadata.ResourceVersion) = ("cluster", "5000");
        }));
        Assert.That(world.Resolver.Resolve(new LocationReference { Name = "here" }, user).Reason, Is.EqualTo(allowed ? "" : Reasons.NotAllowed));
        Assert.That(world.Resolve(world.Plane.Cache(ResourceTypes.Locations).Find(new ObjectKey(null, "here"))!).Resolved, Is.Not.Null, "somebody may use it");
    }

    [Test]
    public void L14_a_location_of_cluster_scope_that_nobody_may_use_is_not_accepted()
    {
        var cluster = Location(l => l.Metadata.Namespace = null);
        Assert.That(new Resolving(Config("a", c => c.Allowed!.Namespaces = [])).Resolve(cluster).Reason, Is.EqualTo(Reasons.NotAllowed));
        Assert.That(new Resolving(Config("a", c => c.Allowed!.Namespaces = null)).Resolve(cluster).Reason, Is.EqualTo(Reasons.NotAllowed));
    }

    [Test]
    public void L14_a_star_in_a_list_of_values_is_no_wildcard_and_no_value()
    {
        var config = Config("a", c => c.Allowed!.Scope = new() { ["project"] = ["*"] });
        Assert.That(new Resolving(config).Resolve(Location()).Reason, Is.EqualTo(Reasons.NotAllowed));
        Assert.That(new Resolving(config).Resolve(Location(l => l.Spec.Provider = new() { ["cloud"] = JsonElement.Parse("""{"project":"*","zone":"z1"}""") })).Reason, Is.EqualTo(Reasons.NotAllowed));
    }

    [TestCase("""{"project":"p1","project":"p9","zone":"z1"}""")]
    [TestCase("""{"project":"p1","pro\u006aect":"p9","zone":"z1"}""")]
    public void L14_an_annotation_that_says_a_field_twice_is_refused(string block) =>
        Assert.That(new Resolving(Config("a")).Resolve(Location(l =>
        {
            l.Spec.Provider = null;
            l.Metadata.Annotations = new() { [Annotations.Provider] = $$"""{"cloud":{{block}} }""" };
        })).Reason, Is.EqualTo(Reasons.InvalidLocation));

    [Test]
    public void A_development_plane_allows_everybody_unless_a_list_says_otherwise()
    {
        Assert.That(new Resolving(true, Config("a", c => c.Allowed = null)).Resolve(Location()).Resolved, Is.Not.Null);
        Assert.That(new Resolving(true, Config("a", c => c.Allowed!.Scope = new() { ["project"] = ["p2"] })).Resolve(Location()).Reason, Is.EqualTo(Reasons.NotAllowed));
    }

    [Test]
    public void A_driver_that_is_not_there_is_told_by_name()
    {
        var answer = new Resolving(Config("a")).Resolve(Location(l => l.Spec.Provider = new() { ["other"] = JsonElement.Parse("{}") }));
        Assert.That(answer.Reason, Is.EqualTo(Reasons.DriverMissing));
        Assert.That(answer.Message, Does.Contain("other"));
    }

    [TestCase("""{"project":"p1"}""")]
    [TestCase("""{"project":"p1","zone":"z1","url":"http://evil"}""")]
    public void A_block_that_the_drivers_schema_refuses_is_told(string block) =>
        Assert.That(new Resolving(Config("a")).Resolve(Location(l => l.Spec.Provider = new() { ["cloud"] = JsonElement.Parse(block) })).Reason, Is.EqualTo(Reasons.InvalidLocation));

    [Test]
    public void Two_blocks_are_refused() =>
        Assert.That(new Resolving(Config("a")).Resolve(Location(l => l.Spec.Provider!["other"] = JsonElement.Parse("{}"))).Reason, Is.EqualTo(Reasons.InvalidLocation));

    [Test]
    public void The_networking_location_wins_over_the_compute_one_of_the_same_name()
    {
        using var world = new Resolving(Config("a"));
        world.Put(ResourceTypes.ComputeLocations, Location(l => l.Spec.LocationClassName = "compute"));
        Assert.That(world.Resolver.Find(new LocationReference { Name = "here", Namespace = "default" }, null)!.Spec.LocationClassName, Is.EqualTo("compute"));
        world.Put(ResourceTypes.Locations, Location());
        Assert.That(world.Resolver.Find(new LocationReference { Name = "here", Namespace = "default" }, null)!.Spec.LocationClassName, Is.EqualTo("self-managed"));
        Assert.That(world.Resolver.Find(new LocationReference { Name = "here" }, "default"), Is.Not.Null);
        Assert.That(world.Resolver.Resolve(new LocationReference { Name = "nowhere" }, "default").Reason, Is.EqualTo(Reasons.LocationNotFound));
    }

    private static Location Location(Action<Location>? change = null)
    {
        var location = new Location { Spec = { LocationClassName = "self-managed", Provider = new() { ["cloud"] = JsonElement.Parse(Block) } } };
        location.Metadata.Name = "here";
        location.Metadata.Namespace = "default";
        change?.Invoke(location);
        return location;
    }

    private static ProviderConfig Config(string name, Action<ProviderConfigSpec>? change = null)
    {
        var config = new ProviderConfig { Spec = { Driver = "cloud", Allowed = new AllowedUse { Namespaces = ["default"], Scope = new() { ["project"] = ["p1"] } } } };
        config.Metadata.Name = name;
        change?.Invoke(config.Spec);
        return config;
    }

    private sealed class Resolving : IDriverConnector, IDisposable
    {
        private readonly FakePlane _plane = new(new ManualScheduler());

        public FakePlane Plane => _plane;

        private static readonly DriverDescriptor Descriptor = new()
        {
            Id = "cloud", Version = "1.0.0", LocationKey = "cloud", RangeOrder = RangeOrder.NetworkFirst, SettingsSchema = """{"type":"object"}""",
            LocationSchema = """{"type":"object","required":["project","zone"],"properties":{"project":{"type":"string"},"zone":{"type":"string"}}}""",
            Kinds = [new KindDescriptor { Kind = ResourceKind.Network, CreateClass = CreateClass.Named, ListQuality = ListQuality.ServerSide, SharingScope = ["project"], ConsistencyWindow = TimeSpan.Zero, TypicalCreate = TimeSpan.Zero, CreateDeadline = TimeSpan.Zero }],
            Capabilities = new Capabilities { Subnets = SubnetSupport.Separate, Firewall = FirewallScope.None, IpFamilies = IpFamilySupport.Any, Marks = new MarkLimits { Style = MarkStyle.KeyValue, MaxLength = 63 } },
        };

        public Resolving(params ProviderConfig[] configs)
            : this(false, configs)
        {
        }

        public Resolving(bool development, params ProviderConfig[] configs)
        {
            var home = new HomePlane { Client = _plane, Installation = "test", Namespace = "x", Entries = _plane.Cache(ResourceTypes.ManagedResources), Configs = _plane.Cache(ResourceTypes.ProviderConfigs) };
            var project = new ProjectPlane
            {
                Id = "plane", Client = _plane, Locations = _plane.Cache(ResourceTypes.Locations), ComputeLocations = _plane.Cache(ResourceTypes.ComputeLocations),
                Networks = _plane.Cache(ResourceTypes.Networks), NetworkContexts = _plane.Cache(ResourceTypes.NetworkContexts), Subnets = _plane.Cache(ResourceTypes.Subnets),
                WorkloadDeployments = _plane.Cache(ResourceTypes.WorkloadDeployments), Instances = _plane.Cache(ResourceTypes.Instances),
            };
            _plane.Sync();
            foreach (var config in configs)
                Put(ResourceTypes.ProviderConfigs, config);
            Resolver = new LocationResolver(home, project, this, development);
        }

        public LocationResolver Resolver { get; }

        public LocationAnswer Resolve(Location location) => Resolver.Resolve(location);

        public void Put<T>(ResourceType<T> type, T value) where T : KubeObject => _plane.CreateAsync(type, type.Stamp(value), CancellationToken.None).GetAwaiter().GetResult();

        public DriverDescriptor? Find(string driverId) => driverId == Descriptor.Id ? Descriptor : null;

        public DriverDescriptor? FindByLocationKey(string key) => key == Descriptor.LocationKey ? Descriptor : null;

        public string WhyMissing(string driverIdOrKey) => $"No driver {driverIdOrKey}.";

        public ValueTask<IInfrastructureDriver> ConnectAsync(SessionRequest request, CancellationToken cancellation) => throw new NotSupportedException();

        public void Dispose() => Resolver.Dispose();
    }
}
