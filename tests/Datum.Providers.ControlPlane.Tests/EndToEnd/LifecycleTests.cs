using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Testing;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

[TestFixture(0)]
[TestFixture(700)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class LifecycleTests(int watchDelayMilliseconds) : IDisposable
{
    private readonly World _world = new(TimeSpan.FromMilliseconds(watchDelayMilliseconds));

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    private void Running(int replicas = 1)
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(replicas: replicas);
        _world.Settle();
    }

    [Test]
    public void The_seeds_nginx_workload_becomes_available()
    {
        var path = Path.Combine(SharedFolder.RepositoryRoot, "deploy", "samples", "12-workload-nginx-workload.yaml");
        var workload = ReadYaml(path).Deserialize(ResourcesJsonContext.Default.Workload)!;
        workload.Metadata.Namespace = World.Namespace;
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.Create(ResourceTypes.Workloads, workload);
        _world.Settle();

        workload = _world.Workload("nginx-workload");
        var instance = _world.Instances.Single();
        Assert.Multiple(() =>
        {
            Assert.That(World.Available(workload), Has.Property("Status").EqualTo("True").And.Property("Reason").EqualTo(Reasons.AvailablePlacementFound));
            Assert.That(workload.Status, Has.Property("ReadyReplicas").EqualTo(1).And.Property("CurrentReplicas").EqualTo(1).And.Property("Deployments").EqualTo(1));
            Assert.That(instance.Metadata.Name, Is.EqualTo("nginx-workload-us-dfw-0"));
            Assert.That(instance.Spec.Controller!.SchedulingGates ?? [], Is.Empty);
            Assert.That(instance.Spec.Runtime.Sandbox!.Containers[0].Image, Is.EqualTo("nginx:latest"));
            Assert.That(instance.Spec.Location!.Name, Is.EqualTo("here"));
            Assert.That(_world.Plane.Live(ResourceTypes.NetworkBindings).Select(b => b.Metadata.Name), Is.EqualTo(new[] { "nginx-workload-us-dfw-net-0" }));
            Assert.That(_world.Plane.Live(ResourceTypes.NetworkContexts).Select(b => b.Metadata.Name), Is.EqualTo(new[] { "default-default-here" }));
            var subnet = _world.Plane.Live(ResourceTypes.Subnets).Single();
            Assert.That(subnet.Metadata.Name, Is.EqualTo("default-default-here-0"));
            Assert.That((subnet.Spec.StartAddress, subnet.Spec.PrefixLength), Is.EqualTo(("10.128.0.0", 20)));
        });
    }

    [Test]
    public void Nothing_is_written_once_nothing_changes_and_a_restart_changes_nothing()
    {
        // L8.
        Running(replicas: 2);
        var writes = _world.Plane.Writes.Count;
        var reads = _world.Plane.Reads;
        _world.Time.Advance(TimeSpan.FromHours(2));
        Assert.That(_world.Plane.Writes, Has.Count.EqualTo(writes));
        Assert.That(_world.Plane.Reads, Is.EqualTo(reads));
        _world.Restart();
        _world.Time.Advance(TimeSpan.FromMinutes(10));
        Assert.That(_world.Plane.Writes.Skip(writes).Select(w => w.ToString()), Is.Empty);
    }

    [Test]
    public void A_workload_takes_a_bounded_number_of_writes()
    {
        Running();
        var byKind = _world.Plane.Writes.Where(w => w.Verb != "delete").GroupBy(w => $"{w.Verb} {w.Plural}/{w.Subresource}").ToDictionary(g => g.Key, g => g.Count());
        Assert.That(_world.Plane.Writes.Where(w => w.Verb == "create").Select(w => w.Plural),
            Is.Unique.And.EquivalentTo(new[] { "locations", "networks", "workloads", "workloaddeployments", "instances", "networkbindings", "networkcontexts", "subnetclaims", "subnets" }));
        Assert.That(_world.Plane.Writes, Has.Count.LessThanOrEqualTo(50), string.Join("\n", byKind.OrderBy(p => p.Key).Select(p => $"{p.Value} {p.Key}")));
    }

    [Test]
    public void An_instance_that_stops_makes_the_workload_unavailable_and_available_again_when_it_is_back()
    {
        Running();
        var since = World.Available(_world.Workload())!.LastTransitionTime;
        _world.Provider.Stopped.Add("web-us-dfw-0");
        _world.Settle();
        var ready = Conditions.Find(_world.Instances.Single().Status!.Conditions, ConditionTypes.Ready)!;
        Assert.That((ready.Status, ready.Reason), Is.EqualTo(("False", "Stopped")));
        Assert.That(World.Available(_world.Workload()), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo(Reasons.NoAvailablePlacements));
        Assert.That(World.Available(_world.Workload())!.LastTransitionTime, Is.GreaterThan(since!.Value));
        Assert.That(_world.Workload().Status!.ReadyReplicas, Is.Zero);

        _world.Provider.Stopped.Clear();
        _world.Settle();
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
    }

    [Test]
    public void Scaling_up_adds_instances_one_after_the_other_and_scaling_down_removes_the_last_first()
    {
        Running();
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 4);
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Metadata.Name), Is.EqualTo(new[] { "web-us-dfw-0", "web-us-dfw-1", "web-us-dfw-2", "web-us-dfw-3" }));
        Assert.That(_world.Provider.MostUnready, Is.EqualTo(1));

        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 1);
        _world.Settle();
        Assert.That(_world.Provider.Removed, Is.EqualTo(new[] { "instances/web-us-dfw-3", "instances/web-us-dfw-2", "instances/web-us-dfw-1" }));
        Assert.That(_world.Workload().Status, Has.Property("Replicas").EqualTo(1).And.Property("ReadyReplicas").EqualTo(1).And.Property("DesiredReplicas").EqualTo(1));
    }

    [Test]
    public void A_surplus_instance_that_is_not_ready_does_not_block_scaling_down()
    {
        Running(replicas: 3);
        _world.Provider.Stopped.Add("web-us-dfw-2");
        _world.Settle();
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 1);
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Metadata.Name), Is.EqualTo(new[] { "web-us-dfw-0" }));
    }

    [Test]
    public void A_new_image_rolls_from_the_last_to_the_first_with_one_instance_down_at_most()
    {
        Running(replicas: 3);
        var before = _world.Instances.ToDictionary(i => i.Metadata.Name!, i => i.Metadata.Uid);
        var from = _world.Plane.Writes.Count;
        _world.Edit("web", w =>
        {
            w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = "web:2";
            w.Spec.Template.Metadata = new TemplateMetadata { Labels = new() { ["tier"] = "app" } };
        });
        _world.Settle();
        Assert.Multiple(() =>
        {
            Assert.That(_world.Instances.Select(i => i.Spec.Runtime.Sandbox!.Containers[0].Image), Is.All.EqualTo("web:2"));
            Assert.That(_world.Instances.Select(i => i.Metadata.Label("tier")), Is.All.EqualTo("app"));
            Assert.That(_world.Instances.Select(i => i.Spec.Location?.Name), Is.All.EqualTo("here"), "an update keeps the location");
            Assert.That(_world.Instances.Select(i => i.Spec.Controller?.TemplateHash).Distinct().Count(), Is.EqualTo(1));
            Assert.That(_world.Instances.ToDictionary(i => i.Metadata.Name!, i => i.Metadata.Uid), Is.EqualTo(before), "updated in place");
            Assert.That(_world.Plane.Writes.Skip(from).Where(w => w is { Plural: "instances", Verb: "patch", Subresource: null }).Select(w => w.Key.Name),
                Is.EqualTo(new[] { "web-us-dfw-2", "web-us-dfw-1", "web-us-dfw-0" }));
            Assert.That(_world.Provider.MostUnready, Is.EqualTo(1));
            Assert.That(_world.Workload().Status!.CurrentReplicas, Is.EqualTo(3));
        });
    }

    [Test]
    public void A_template_that_does_not_run_stops_the_rollout_and_can_be_corrected()
    {
        Running(replicas: 3);
        _world.Provider.Stopped.Add("web-us-dfw-2");
        _world.Edit("web", w => w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = "broken");
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Spec.Runtime.Sandbox!.Containers[0].Image), Is.EqualTo(new[] { "web:1", "web:1", "broken" }));
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"), "two instances still serve");

        // It still can't run, but it takes the corrected template.
        _world.Edit("web", w => w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0].Image = "web:3");
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Spec.Runtime.Sandbox!.Containers[0].Image), Is.EqualTo(new[] { "web:1", "web:1", "web:3" }));
        _world.Provider.Stopped.Clear();
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Spec.Runtime.Sandbox!.Containers[0].Image), Is.All.EqualTo("web:3"));
    }

    [Test]
    public void A_missing_network_is_a_condition_and_its_arrival_wakes_the_workload()
    {
        _world.CreateLocation();
        _world.CreateWorkload();
        _world.Settle();
        Assert.That(World.Available(_world.Workload()), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo(Reasons.NetworkNotFound));
        Assert.That(_world.Plane.Live(ResourceTypes.WorkloadDeployments), Is.Empty);
        _world.CreateNetwork();
        _world.Settle();
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
    }

    [Test]
    public void A_plane_without_locations_is_a_condition_and_a_ready_location_wakes_the_deployment()
    {
        _world.CreateNetwork();
        _world.CreateWorkload();
        _world.Settle();
        Assert.That(Conditions.Find(_world.Deployment().Status!.Conditions, ConditionTypes.Available)!.Reason, Is.EqualTo(Reasons.NoLocations));
        Assert.That(World.Available(_world.Workload()), Has.Property("Reason").EqualTo(Reasons.NoAvailablePlacements).And.Property("Message").Contains(Reasons.NoLocations));

        _world.CreateLocation("elsewhere", "LHR");
        _world.Settle();
        Assert.That(Conditions.Find(_world.Deployment().Status!.Conditions, ConditionTypes.Available)!.Reason, Is.EqualTo(Reasons.NoCandidateLocations));

        _world.CreateLocation();
        _world.Settle(withProvider: false);
        Assert.That(Conditions.Find(_world.Deployment().Status!.Conditions, ConditionTypes.Available), Has.Property("Message").Contains("default/here: not Accepted yet"));
        _world.Settle();
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
        Assert.That(Conditions.Find(_world.Deployment().Status!.Conditions, ConditionTypes.Scheduled)!.Message, Does.Contain("Chosen: default/here"));
    }

    [Test]
    public void Deployments_spread_over_the_locations_of_a_city_and_stay_where_they_are()
    {
        _world.CreateLocation("a");
        _world.CreateLocation("b");
        _world.CreateNetwork();
        _world.Settle();
        foreach (var name in new[] { "one", "two", "three", "four" })
            _world.CreateWorkload(name);
        _world.Settle();
        var places = _world.Plane.Live(ResourceTypes.WorkloadDeployments).ToDictionary(d => d.Metadata.Name!, d => d.Status!.Location!.Name);
        Assert.That(places.Values.Count(p => p == "a"), Is.EqualTo(2));

        _world.CreateLocation("0-empty");
        _world.Settle();
        Assert.That(_world.Plane.Live(ResourceTypes.WorkloadDeployments).ToDictionary(d => d.Metadata.Name!, d => d.Status!.Location!.Name), Is.EqualTo(places));
        Assert.That(_world.Plane.Live(ResourceTypes.Subnets).Select(s => s.Spec.StartAddress), Is.EquivalentTo(new[] { "10.128.0.0", "10.128.16.0" }));
    }

    [Test]
    public void Both_families_of_a_network_get_a_subnet()
    {
        _world.CreateLocation();
        _world.CreateNetwork(change: n => n.Spec.IpFamilies = ["IPv4", "IPv6"]);
        _world.CreateWorkload();
        _world.Settle();
        var subnets = _world.Plane.Live(ResourceTypes.Subnets);
        Assert.That(subnets.Select(s => s.Metadata.Name), Is.EqualTo(new[] { "default-default-here-0", "default-default-here-ipv6" }));
        Assert.That(subnets[1].Status!.StartAddress, Does.StartWith("fd2"));
        Assert.That(subnets[1].Status!.PrefixLength, Is.EqualTo(64));
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
    }

    [Test]
    public void A_placement_that_is_taken_out_goes_and_the_other_stays()
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        _world.CreateWorkload(change: w => w.Spec.Placements.Add(new Placement { Name = "second", CityCodes = ["DFW"], ScaleSettings = { MinReplicas = 2 } }));
        _world.Settle();
        Assert.That(_world.Workload().Status!.Placements!.Select(p => (p.Name, p.ReadyReplicas)), Is.EqualTo(new[] { ("us", 1), ("second", 2) }));
        _world.Edit("web", w => w.Spec.Placements.RemoveAt(1));
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Metadata.Name), Is.EqualTo(new[] { "web-us-dfw-0" }));
        Assert.That(_world.Workload().Status!.Placements!.Select(p => p.Name), Is.EqualTo(new[] { "us" }));
        Assert.That(_world.Plane.Live(ResourceTypes.NetworkBindings), Has.Count.EqualTo(1));
    }

    [Test]
    public void Placements_that_would_share_a_name_are_refused_and_nothing_is_touched()
    {
        Running();
        _world.Edit("web", w => w.Spec.Placements.Add(new Placement { Name = "us", CityCodes = ["dfw"], ScaleSettings = { MinReplicas = 5 } }));
        _world.Settle();
        Assert.That(World.Available(_world.Workload()), Has.Property("Reason").EqualTo(Reasons.ConfigurationError).And.Property("Message").Contains("web-us-dfw"));
        Assert.That(_world.Instances, Has.Count.EqualTo(1));
        Assert.That(_world.Workload().Status!.ReadyReplicas, Is.EqualTo(1));
    }

    [Test]
    public void A_workload_that_is_made_again_under_its_name_waits_for_the_old_one_and_then_runs()
    {
        Running();
        var first = _world.Workload().Metadata.Uid;
        _world.Provider.Stuck = true;
        _world.Plane.Vanish(ResourceTypes.Workloads, World.Namespace, "web");
        _world.CreateWorkload();
        _world.Settle();
        Assert.That(World.Available(_world.Workload()), Has.Property("Reason").EqualTo(Reasons.Conflict));
        _world.Provider.Stuck = false;
        _world.Settle();
        Assert.That(World.Available(_world.Workload())!.Status, Is.EqualTo("True"));
        Assert.That(_world.Instances.Single().Metadata.Label(Labels.WorkloadUid), Is.EqualTo(_world.Workload().Metadata.Uid).And.Not.EqualTo(first));
    }

    internal static JsonNode ReadYaml(string path)
    {
        var stream = new YamlStream();
        using var reader = new StreamReader(path);
        stream.Load(reader);
        return Convert(stream.Documents[0].RootNode)!;

        static JsonNode? Convert(YamlNode node) => node switch
        {
            YamlMappingNode map => new JsonObject(map.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, Convert(c.Value)))),
            YamlSequenceNode list => new JsonArray([.. list.Children.Select(Convert)]),
            YamlScalarNode { Style: ScalarStyle.Plain } number when long.TryParse(number.Value, CultureInfo.InvariantCulture, out var value) => JsonValue.Create(value),
            YamlScalarNode { Style: ScalarStyle.Plain } truth when bool.TryParse(truth.Value, out var value) => JsonValue.Create(value),
            YamlScalarNode text => JsonValue.Create(text.Value),
            _ => null,
        };
    }
}
