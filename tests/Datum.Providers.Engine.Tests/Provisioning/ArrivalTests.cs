using Datum.Providers.Engine.Tests.World;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources.Compute;
using Datum.Providers.Resources.Networking;
using Datum.Providers.Resources.Providers;

namespace Datum.Providers.Engine.Tests.Provisioning;

/// <summary>Whatever comes first, everything comes to work, woken by what arrived last and by no timer.</summary>
internal sealed class ArrivalTests
{
    /// <summary>From the last arrival on: longer than the steps take, shorter than any delay after a failure that has had time to grow.</summary>
    private static readonly TimeSpan Soon = TimeSpan.FromSeconds(20);

    private enum Arrival
    {
        Location,
        Config,
        Credentials,
        Network,
        Workload,
    }

    public static IEnumerable<TestCaseData> Orders() => Permutations([.. Enum.GetValues<Arrival>().Select(a => (int)a)])
        .Select(o => new TestCaseData(o).SetArgDisplayNames(string.Join(" ", o.Select(a => (Arrival)a))));

    [TestCaseSource(nameof(Orders))]
    public void A_workload_runs_soon_after_the_last_thing_that_it_needs_arrived(int[] order)
    {
        using var world = new EngineWorld(furnish: w => w.Door = new CredentialDoor().Accept("first"), withCore: true);
        foreach (var arrival in order)
        {
            // Long enough for every delay after a failure to grow beyond what is waited for at the end.
            world.Advance(TimeSpan.FromMinutes(40));
            Arrive(world, (Arrival)arrival);
        }
        world.Until("the workload runs", () => world.Plane.Live(ResourceTypes.Instances) is [{ } only]
            && Conditions.IsTrue(only.Status?.Conditions, ConditionTypes.Programmed) && Conditions.IsTrue(only.Status?.Conditions, ConditionTypes.Ready), Soon);
        Assert.That(Conditions.IsTrue(world.Plane.Live(ResourceTypes.NetworkContexts).Single().Status?.Conditions, ConditionTypes.Programmed));
        Assert.That(world.Cloud.Audit.Violations, Is.Empty);
    }

    [TestCase(0)]
    [TestCase(300)]
    [TestCase(2500)]
    public void A_workload_runs_when_all_arrives_at_once_and_events_are_late(int milliseconds)
    {
        using var world = new EngineWorld(furnish: w => w.Door = new CredentialDoor().Accept("first"), withCore: true);
        world.Plane.WatchDelay = TimeSpan.FromMilliseconds(milliseconds);
        foreach (var arrival in new[] { Arrival.Workload, Arrival.Network, Arrival.Credentials, Arrival.Config, Arrival.Location })
            Arrive(world, arrival);
        world.Until("the workload runs", () => world.Plane.Live(ResourceTypes.Instances) is [{ } only] && Conditions.IsTrue(only.Status?.Conditions, ConditionTypes.Ready), TimeSpan.FromSeconds(90));
    }

    /// <summary>The provider half alone: on a plane whose own core made these objects, in whatever order they are seen.</summary>
    [TestCaseSource(nameof(Parts))]
    public void An_instance_runs_soon_after_the_last_of_its_parts_was_seen(string[] order)
    {
        using var world = new EngineWorld(furnish: _ => { });
        foreach (var part in order)
        {
            world.Advance(TimeSpan.FromMinutes(40));
            switch (part)
            {
                case "location":
                    world.CreateLocation();
                    break;
                case "config":
                    world.CreateConfig();
                    break;
                case "network":
                    world.CreateNetworkAlone();
                    break;
                case "context":
                    world.CreateContext();
                    break;
                case "subnet":
                    world.CreateSubnet();
                    break;
                default:
                    world.CreateInstance();
                    break;
            }
        }
        world.Until("the instance runs", () => world.Runs() && world.AllReady, Soon);
    }

    public static IEnumerable<TestCaseData> Parts()
    {
        string[] names = ["location", "config", "network", "context", "subnet", "instance"];
        return Permutations([.. Enumerable.Range(0, names.Length)]).Where((_, i) => i % 18 == 0)
            .Select(o => o.Select(i => names[i]).ToArray()).Select(o => new TestCaseData([o]).SetArgDisplayNames(string.Join(" ", o)));
    }

    [Test]
    public void A_label_that_a_config_selects_by_wakes_the_location()
    {
        using var world = new EngineWorld(furnish: w =>
        {
            w.CreateConfig(c => c.Locations = new LocationMatch { Selector = new MatchLabelsSelector { MatchLabels = new() { ["tier"] = "gold" } } });
            w.CreateLocation();
        });
        world.Until("it is told", () => world.OfLocation(ConditionTypes.Accepted)?.Reason == Reasons.ProviderConfigNotFound);
        world.Plane.Edit(ResourceTypes.Locations, EngineWorld.Namespace, "here", l => l.Metadata.Labels = new Dictionary<string, string> { ["tier"] = "gold" });
        world.Until("the location is ready", () => world.OfLocation(ConditionTypes.Ready)?.Status == ConditionStatus.True, Soon);
        Assert.That(world.Config.Status?.Locations, Is.EqualTo(["default/here"]));
    }

    [Test]
    public void An_instance_without_a_location_of_its_own_is_woken_by_that_of_its_deployment()
    {
        using var world = new EngineWorld();
        world.CreateNetwork();
        var deployment = new WorkloadDeployment();
        deployment.Metadata.Name = "web";
        deployment.Metadata.Namespace = EngineWorld.Namespace;
        deployment = world.Create(ResourceTypes.WorkloadDeployments, deployment);
        world.CreateInstance(i =>
        {
            i.Spec.Location = null;
            i.Metadata.OwnerReferences = [new OwnerReference { ApiVersion = ResourceTypes.WorkloadDeployments.ApiVersion, Kind = "WorkloadDeployment", Name = "web", Uid = deployment.Metadata.Uid!, Controller = true }];
        });
        world.Advance(TimeSpan.FromMinutes(40));
        world.Plane.EditStatus(ResourceTypes.WorkloadDeployments, EngineWorld.Namespace, "web", d => (d.Status ??= new()).Location = new LocationReference { Name = "here", Namespace = EngineWorld.Namespace });
        world.Until("the instance runs", () => world.Runs() && world.AllReady, Soon);
    }

    private static void Arrive(EngineWorld world, Arrival arrival)
    {
        switch (arrival)
        {
            case Arrival.Location:
                world.CreateLocation();
                break;
            case Arrival.Config:
                world.CreateConfig(EngineWorld.FromSecret);
                break;
            case Arrival.Credentials:
                world.WriteSecret("first");
                break;
            case Arrival.Network:
                world.CreateNetworkAlone();
                break;
            default:
                world.CreateWorkload();
                break;
        }
    }

    private static IEnumerable<int[]> Permutations(int[] of)
    {
        if (of.Length <= 1)
            return [of];
        return of.SelectMany(first => Permutations([.. of.Where(x => x != first)]).Select(rest => (int[])[first, .. rest]));
    }
}
