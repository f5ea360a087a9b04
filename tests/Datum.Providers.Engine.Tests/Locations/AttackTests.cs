using System.Text.Json;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;
using Moq;

namespace Datum.Providers.Engine.Tests.Locations;

/// <summary>
/// Law L14 as an attack: somebody who may write Locations, Networks, Instances, annotations and Secrets of a namespace tries everything that they
/// can write. The account serves namespace <c>default</c> in zone z1, and <c>victim</c> lives in it too. Each attempt reaches nothing and is told why.
/// </summary>
internal sealed class AttackTests
{
    private const string Evil = "evil";
    private const string Victim = "victim";

    [Test]
    public void L14_a_location_of_a_namespace_that_is_not_listed_reaches_no_account()
    {
        using var world = Fortress();
        world.CreateLocation(l => l.Metadata.Namespace = Evil);
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted, Evil)?.Reason == Reasons.NotAllowed);
        Untouched(world);
    }

    [TestCase("z2")]
    [TestCase("Z1")]
    [TestCase(" z1")]
    [TestCase("z1 ")]
    [TestCase("z1\n")]
    [TestCase("z1\t")]
    [TestCase("z1\0")]
    [TestCase("z1\u200b")]
    [TestCase("z1\u00a0")]
    [TestCase("\ufeffz1")]
    [TestCase("\uff5a1")]
    [TestCase("z\u0661")]
    [TestCase("z1,z2")]
    [TestCase("z1/../z2")]
    [TestCase("*")]
    [TestCase("z*")]
    public void L14_a_value_that_only_looks_like_a_listed_one_reaches_no_zone(string zone)
    {
        using var world = Fortress(location: false);
        world.CreateLocation(l => l.Spec.Provider = Block(JsonSerializer.Serialize(zone)));
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted)?.Reason == Reasons.NotAllowed);
        Assert.That(world.OfLocation(ConditionTypes.Accepted)!.Message, Does.Contain("zone"));
        Untouched(world, opened: true);
    }

    [TestCase("\"\"")]
    [TestCase("[\"z1\"]")]
    [TestCase("{\"z1\":\"z1\"}")]
    [TestCase("null")]
    [TestCase("true")]
    [TestCase("\"http://evil.test/z1\"")]
    public void L14_a_value_of_another_shape_or_a_url_reaches_no_zone(string zone)
    {
        using var world = Fortress(location: false);
        world.CreateLocation(l => l.Spec.Provider = Block(zone));
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted)?.Reason == Reasons.InvalidLocation);
        Untouched(world, opened: true);
    }

    [TestCase("endpoint")]
    [TestCase("url")]
    [TestCase("Zone")]
    [TestCase("project")]
    public void L14_a_field_that_the_driver_does_not_have_is_refused(string field)
    {
        using var world = Fortress(location: false);
        world.CreateLocation(l => l.Spec.Provider = new() { ["simulator"] = JsonElement.Parse($$"""{"zone":"z1","{{field}}":"evil.test"}""") });
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted)?.Reason == Reasons.InvalidLocation);
        Assert.That(world.OfLocation(ConditionTypes.Accepted)!.Message, Does.Contain(field));
        Untouched(world, opened: true);
    }

    [TestCase("""{"simulator":{"zone":"z2"}}""", Reasons.NotAllowed, false)]
    [TestCase("""{"simulator":{"zone":"z2"}}""", Reasons.InvalidLocation, true)]
    [TestCase("""{"simulator":{"zone":"z1","zone":"z2"}}""", Reasons.InvalidLocation, false)]
    [TestCase("""{"simulator":{"zone":"z1"},"podman":{}}""", Reasons.InvalidLocation, false)]
    [TestCase("""[{"simulator":{"zone":"z1"}}]""", Reasons.InvalidLocation, false)]
    [TestCase("""{"simulator":{"zone":"z1"}} {"simulator":{"zone":"z2"}}""", Reasons.InvalidLocation, false)]
    public void L14_the_annotation_allows_nothing_that_the_field_does_not(string annotation, string reason, bool both)
    {
        using var world = Fortress(location: false);
        world.CreateLocation(l =>
        {
            if (!both)
                l.Spec.Provider = null;
            l.Metadata.Annotations = new() { [Annotations.Provider] = annotation };
        });
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted)?.Reason == reason);
        Untouched(world, opened: true);
    }

    [TestCase("nobody")]
    [TestCase("empty")]
    [TestCase("other")]
    [TestCase("noscope")]
    [TestCase("emptyscope")]
    [TestCase("starscope")]
    public void L14_a_list_that_is_missing_or_empty_allows_nobody(string list)
    {
        using var world = Fortress(config: c => c.Allowed = list switch
        {
            "nobody" => null,
            "empty" => new AllowedUse { Projects = [], Namespaces = [], Scope = new() { ["zone"] = ["z1"] } },
            "other" => new AllowedUse { Namespaces = ["defaul", "default-2", "DEFAULT", "default/", ""], Scope = new() { ["zone"] = ["z1"] } },
            "noscope" => new AllowedUse { Namespaces = [EngineWorld.Namespace] },
            "emptyscope" => new AllowedUse { Namespaces = [EngineWorld.Namespace], Scope = new() { ["zone"] = [] } },
            _ => new AllowedUse { Namespaces = [EngineWorld.Namespace], Scope = new() { ["zone"] = ["*"], ["*"] = ["z1"] } },
        });
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted)?.Reason == Reasons.NotAllowed);
        Untouched(world, opened: true);
    }

    [Test]
    public void L14_another_namespaces_location_cant_be_used_by_its_name()
    {
        using var world = Fortress();
        world.CreateNetwork();
        world.CreateInstance(i => i.Metadata.Namespace = Evil);
        world.Until("it is told", () => Programmed(world, Evil)?.Reason == Reasons.NotAllowed);
        Assert.That(Programmed(world, Evil)!.Message, Does.Contain("belongs to namespace default"));
        Assert.That(world.Cloud.In(Collections.Servers), Is.Empty);
    }

    [Test]
    public void L14_a_network_cant_be_brought_into_another_namespaces_location()
    {
        using var world = Fortress();
        var network = new Network { Spec = { Ipam = { Mode = "Auto" } } };
        (network.Metadata.Name, network.Metadata.Namespace) = ("default", Evil);
        world.Create(ResourceTypes.Networks, network);
        var context = new NetworkContext { Spec = { Network = { Name = "default" }, Location = { Name = "here", Namespace = EngineWorld.Namespace } } };
        (context.Metadata.Name, context.Metadata.Namespace) = ("stolen", Evil);
        world.Create(ResourceTypes.NetworkContexts, context);
        world.Until("it is told", () => Conditions.Find(world.Plane.Peek(ResourceTypes.NetworkContexts, Evil, "stolen")!.Status?.Conditions, ConditionTypes.Programmed)?.Reason == Reasons.NotAllowed);
        Untouched(world, opened: true);
    }

    [TestCase(Victim, "default")]
    [TestCase(Victim + "/default", "default")]
    public void L14_another_namespaces_network_cant_be_joined_although_both_may_use_the_account(string ns, string name)
    {
        using var world = WithVictim();
        world.CreateInstance(i => i.Spec.NetworkInterfaces[0].Network = new NetworkReference { Namespace = ns, Name = name });
        world.Until("it is told", () => Programmed(world, EngineWorld.Namespace)?.Reason == Reasons.NotAllowed);
        Assert.That(Programmed(world, EngineWorld.Namespace)!.Message, Does.StartWith("spec.networkInterfaces[0].network.namespace"));
        Assert.That(world.Entries.Where(e => e.Spec.Owner.Kind == "Instance"), Is.Empty);
        Assert.That(world.Cloud.In(Collections.Nics), Is.Empty);
    }

    [Test]
    public void L14_another_namespaces_network_cant_be_joined_by_its_id_entry_or_path()
    {
        using var world = WithVictim();
        var entry = world.Entries.Single(e => e.Spec.Kind == "Network" && e.Spec.Owner.Namespace == Victim);
        foreach (var name in (string[])[entry.Metadata.Name!, entry.Spec.Record.Parts![0].Id, "../victim/default", "victim/default", "default-here"])
        {
            world.CreateInstance(i => i.Spec.NetworkInterfaces[0].Network = new NetworkReference { Name = name });
            world.Until("it is told", () => Programmed(world, EngineWorld.Namespace)?.Reason == Reasons.PendingProgramming);
            world.Advance(TimeSpan.FromMinutes(2));
            Assert.That(world.Cloud.In(Collections.Nics), Is.Empty, name);
            world.DeleteInstance();
            world.Until("it is gone", () => world.Plane.Live(ResourceTypes.Instances).Count == 0);
        }
    }

    [Test]
    public void L14_names_that_collide_share_nothing()
    {
        using var world = WithVictim();
        world.Running();
        var networks = world.Entries.Where(e => e.Spec.Kind == "Network").ToList();
        Assert.That(networks.Select(e => e.Spec.Owner.Namespace), Is.EquivalentTo([EngineWorld.Namespace, Victim]));
        Assert.That(networks.Select(e => e.Spec.Record.Parts![0].Id).Distinct().Count(), Is.EqualTo(2));
        world.DeleteInstance();
        world.DeleteNetworkOf(EngineWorld.Namespace);
        world.Until("what is ours is gone", () => world.Entries.All(e => e.Spec.Owner.Namespace == Victim));
        Assert.That(world.Cloud.In(Collections.Networks), Has.Length.EqualTo(1));
    }

    [Test]
    public void L14_annotations_take_nothing_that_is_another_ones()
    {
        using var world = WithVictim();
        var theirs = world.CreateInstance(i => (i.Metadata.Namespace, i.Metadata.Name, i.Spec.Location) = (Victim, "theirs", new LocationReference { Name = "here", Namespace = Victim }));
        world.Until("the victim's runs", () => world.Cloud.In(Collections.Servers).Length == 1 && world.AllReady);
        var server = world.Server;
        world.CreateNetwork();
        world.CreateInstance(i => i.Metadata.Annotations = new()
        {
            [Annotations.ProviderId] = server.Id, [Annotations.Adopt] = AdoptPolicy.Always, [Annotations.Provider] = """{"simulator":{"zone":"z2"}}""", [Annotations.OnFailure] = "Replace",
        });
        world.Advance(TimeSpan.FromMinutes(10));
        world.DeleteInstance();
        world.Advance(TimeSpan.FromMinutes(30));
        var still = world.Cloud.In(Collections.Servers).Single(s => s.Id == server.Id);
        Assert.That((still.State, still.Labels!.Count), Is.EqualTo((server.State, server.Labels!.Count)));
        Assert.That(world.Entries.Single(e => e.Spec.Owner.Uid == theirs.Metadata.Uid && e.Spec.Kind == "Instance").Spec.Record.Parts!.Select(p => p.Id), Does.Contain(server.Id));
        Assert.That(world.Cloud.Objects.Where(o => o.Zone == "z2"), Is.Empty);
    }

    [Test]
    public void L14_a_location_of_the_compute_group_does_not_take_the_place_of_the_networking_one()
    {
        using var world = Fortress(config: c => c.Allowed!.Scope = new() { ["zone"] = ["z1", "z9"] });
        var planted = new Location { Spec = { LocationClassName = "self-managed", Provider = Block("\"z9\"") } };
        (planted.Metadata.Name, planted.Metadata.Namespace) = ("here", EngineWorld.Namespace);
        world.Create(ResourceTypes.ComputeLocations, planted);
        world.Until("it is told", () => Conditions.Find(world.Plane.Peek(ResourceTypes.ComputeLocations, EngineWorld.Namespace, "here")!.Status?.Conditions, ConditionTypes.Accepted)?.Reason == Reasons.Shadowed);
        world.Running();
        Assert.That(world.Entries.Select(e => e.Spec.LocationBlock!.Value.GetProperty("zone").GetString()), Is.All.EqualTo("z1"));
    }

    [Test]
    public void L14_a_location_that_moves_to_a_zone_that_is_not_listed_takes_nothing_along()
    {
        using var world = Fortress().Running();
        world.Plane.Edit(ResourceTypes.Locations, EngineWorld.Namespace, "here", l => l.Spec.Provider = Block("\"z2\""));
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted)?.Reason == Reasons.NotAllowed);
        world.EditInstance(i => i.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2");
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Objects.Where(o => o.Zone == "z2"), Is.Empty);
        Assert.That(world.Runs());
    }

    [TestCase("../victim/secrets/app")]
    [TestCase("..")]
    [TestCase(".")]
    [TestCase("a/b")]
    [TestCase("a%2fb")]
    [TestCase("app?x=1")]
    [TestCase("app#x")]
    [TestCase("App")]
    [TestCase("app ")]
    [TestCase("app\n")]
    [TestCase("\u0430pp")]
    [TestCase("")]
    public async Task L14_a_payload_whose_name_is_a_path_is_never_asked_for(string name)
    {
        var client = new Mock<IKubernetesClient>(MockBehavior.Strict);
        var reader = new PayloadSource(_ => client.Object).For(Entry(name, EngineWorld.Namespace))!;
        foreach (var secret in (bool[])[true, false])
        {
            var error = (await Assert.ThrowsAsync<DriverException>(async () => await reader.ReadAsync(new PayloadReference { Name = name, Secret = secret }, CancellationToken.None)))!.Error;
            Assert.That((error.Code, error.Effect), Is.EqualTo((ErrorCode.Invalid, Effect.NotApplied)));
        }
        Assert.That(client.Invocations, Is.Empty);
    }

    [Test]
    public async Task L14_the_hosts_own_namespace_gives_nothing_to_guests()
    {
        var client = new Mock<IKubernetesClient>(MockBehavior.Strict);
        var reader = new PayloadSource(_ => client.Object, EngineWorld.HostNamespace).For(Entry(EngineWorld.CredentialsSecret, EngineWorld.HostNamespace))!;
        var error = (await Assert.ThrowsAsync<DriverException>(async () => await reader.ReadAsync(new PayloadReference { Name = EngineWorld.CredentialsSecret, Secret = true }, CancellationToken.None)))!.Error;
        Assert.That(error.Message, Does.Contain(EngineWorld.HostNamespace));
        Assert.That(client.Invocations, Is.Empty);
    }

    [Test]
    public async Task L14_a_payload_that_the_wish_does_not_name_is_not_read()
    {
        var client = new Mock<IKubernetesClient>(MockBehavior.Strict);
        var reader = new PayloadSource(_ => client.Object).For(Entry("app", EngineWorld.Namespace))!;
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await reader.ReadAsync(new PayloadReference { Name = "other", Secret = true }, CancellationToken.None));
        Assert.That(client.Invocations, Is.Empty);
    }

    private static Condition? Programmed(EngineWorld world, string ns) =>
        Conditions.Find(world.Plane.Peek(ResourceTypes.Instances, ns, "web-0")?.Status?.Conditions, ConditionTypes.Programmed);

    private static Dictionary<string, JsonElement> Block(string zone) => new() { ["simulator"] = JsonElement.Parse($$"""{"zone":{{zone}}}""") };

    private static ManagedResource Entry(string name, string ns) => new()
    {
        Spec = new ManagedResourceSpec
        {
            Owner = new ResourceOwner { Plane = EngineWorld.PlaneId, Kind = "Instance", Namespace = ns, Name = "web-0" },
            Desired = JsonElement.Parse($$"""{"env":[{"name":{{JsonSerializer.Serialize(name)}},"secret":true},{"name":{{JsonSerializer.Serialize(name)}},"secret":false}]}"""),
        },
    };

    /// <summary>An account that serves default and victim in zone z1, on a plane that isn't a development one.</summary>
    private static EngineWorld Fortress(Action<ProviderConfigSpec>? config = null, bool location = true) => new(development: false, furnish: w =>
    {
        w.Descriptor = w.Descriptor! with { SessionScope = ["zone"] };
        w.CreateConfig(c =>
        {
            c.Allowed = new AllowedUse { Namespaces = [EngineWorld.Namespace, Victim], Scope = new() { ["zone"] = ["z1"] } };
            config?.Invoke(c);
        });
        if (location)
            w.CreateLocation();
    });

    private static EngineWorld WithVictim()
    {
        var world = Fortress();
        world.CreateLocation(l => l.Metadata.Namespace = Victim);
        world.CreateNetworkOf(Victim);
        world.Until("the victim's network is there", () => world.Entries.Count == 2 && world.AllReady);
        return world;
    }

    private static void Untouched(EngineWorld world, bool opened = false)
    {
        world.Advance(TimeSpan.FromMinutes(10));
        Assert.That(world.Cloud.Statistics.Mutations, Is.Zero);
        Assert.That(world.Entries, Is.Empty);
        if (!opened)
            Assert.That(world.OfLocation(ConditionTypes.Accepted)?.Status, Is.EqualTo(ConditionStatus.True), "the one that is listed is served all the same");
    }
}
