using System.Text.Json.Nodes;
using Datum.Providers.Host.Cli;
using Datum.Providers.Host.Cli.Trace;

namespace Datum.Providers.Host.Tests.Trace;

/// <summary>How the tree reads, and its JSON.</summary>
public sealed class TextTests
{
    [Test]
    public void An_image_that_cant_be_pulled_reads_like_this()
    {
        var scene = new Scene();
        scene.Container("ImageUnavailable", "manifest unknown");

        Assert.That(Text(scene, "workload/web"), Is.EqualTo("""
            ✗ Workload default/web  Available=False NoAvailablePlacements  age 10m, so for 2m
            │     1 of 1 instances ready, 1 of the current template
            └─ ✗ Placement default/web.us  Available=False NoAvailableDeployments  so for 2m
               └─ ✗ WorkloadDeployment default/web-us-dfw  Available=False ProvisioningInstances  age 10m, so for 2m
                  │     city DFW, 1 of 1 instances ready, location default/dfw
                  ├─ ✓ Location default/dfw  Ready=True ProbeSucceeded  age 10m, so for 9m
                  │        class datum-managed, city DFW, driver podman
                  ├─ ✓ NetworkBinding default/web-us-dfw-net-0  Ready=True NetworkContextReady  age 10m, so for 9m
                  └─ ✗ Instance default/web-us-dfw-0  Ready=False ImageUnavailable  age 10m, so for 2m
                     └─ ✗ ManagedResource i0 (Instance)  Ready=False ProgrammingInProgress  age 10m, so for 2m
                        │     slot instance of Instance web-us-dfw-0, driver podman, ProviderConfig main, account acct-1
                        │     part main = id-i0
                        ├─ · PlatformObject podman:instance:id-i0  Degraded, as last observed (the platform's word: Degraded)  so for 2m
                        └─ ✗ Container default/web-us-dfw-0.nginx  ImageUnavailable
                                 manifest unknown
                                 image nginx:latest

            Cause: Container default/web-us-dfw-0.nginx: ImageUnavailable: manifest unknown
            To do: Check the image nginx:latest of container nginx in Workload default/web, field spec.template.spec.runtime.sandbox.containers[0].image: its name and tag, that its registry can be reached, and whether the registry wants a pull secret (spec.template.spec.runtime.sandbox.imagePullSecrets names none).

            """));
    }

    [Test]
    public void A_driver_that_is_missing_reads_like_this()
    {
        var scene = new Scene();
        scene.LocationSays("DriverMissing", "No driver 'podman' is in /drivers.");
        scene.Plane.Drivers.Clear();
        scene.AddLocation("ams", "AMS");

        Assert.That(Text(scene, "workload/web"), Is.EqualTo("""
            ✗ Workload default/web  Available=False NoAvailablePlacements  age 10m, so for 2m
            │     1 of 1 instances ready, 1 of the current template
            └─ ✗ Placement default/web.us  Available=False NoAvailableDeployments  so for 2m
               └─ ✗ WorkloadDeployment default/web-us-dfw  Available=False NoCandidateLocations  age 10m, so for 2m
                  │     city DFW, 1 of 1 instances ready, location none yet
                  └─ ✗ Location default/dfw  Accepted=False DriverMissing  age 10m, so for 2m
                     │     class datum-managed, city DFW, driver podman
                     ├─ ✗ ProviderDriver podman  isn't there
                     │        it isn't in the driver volume, which has none that is ready
                     └─ ✓ ProviderConfig main  Ready=True ProbeSucceeded  age 10m, so for 9m
                              driver podman, account acct-1

            Cause: ProviderDriver podman: DriverMissing: it isn't in the driver volume, which has none that is ready
            To do: Ask the platform operator to put a working driver 'podman' into the driver volume and restart the host (it isn't in the driver volume, which has none that is ready); or move Workload default/web to a Location that is ready: ams (city AMS).

            """));
    }

    [Test]
    public void Started_in_the_middle_it_shows_the_way_down_from_the_owner_and_what_blocks()
    {
        var scene = new Scene(2);
        scene.NetworkWaits();
        Scene.Set(scene.Context.Status!.Conditions!, "Ready", "False", "NotProgrammed", "Waits for the provider.");
        Scene.Fail(scene.NetworkEntry, "Forbidden", "networks.create is denied");
        scene.Lease(TimeSpan.FromSeconds(4));

        var text = Text(scene, "inst/web-us-dfw-0");

        Assert.Multiple(() =>
        {
            Assert.That(text, Does.StartWith("✗ Workload default/web").Or.StartWith("… Workload default/web"));
            Assert.That(text, Does.Contain("Instance default/web-us-dfw-0").And.Contain("ManagedResource n0").And.Contain("networks.create is denied"));
            Assert.That(text, Does.Not.Contain("web-us-dfw-1").And.Not.Contain("Location default/dfw"), "what neither belongs to it nor blocks it is left out");
            Assert.That(text, Does.Contain("Host:  host-1 holds Lease datum-providers/datum-providers, renewed 4s ago"));
            Assert.That(text.TrimEnd().Split('\n')[^1], Does.StartWith("To do: Ask the platform operator to grant"));
        });
        Assert.That(Text(scene, "inst/web-us-dfw-0", all: true), Does.Contain("web-us-dfw-1").And.Contain("Location default/dfw"));
    }

    [Test]
    public void Siblings_that_stand_alike_are_counted_unless_all_are_wanted()
    {
        var scene = new Scene(40);

        Assert.That(Text(scene, "workload/web").Split('\n').Count(l => l.Contains("✓ Instance", StringComparison.Ordinal)), Is.EqualTo(3));
        Assert.That(Text(scene, "workload/web"), Does.Contain("and 37 more Instances of 40 that stand alike (Running)"));
        Assert.That(Text(scene, "workload/web", all: true).Split('\n').Count(l => l.Contains("✓ Instance", StringComparison.Ordinal)), Is.EqualTo(40));
    }

    [Test]
    public void The_broken_one_of_many_is_shown()
    {
        var scene = new Scene(40);
        var last = scene.Plane.Instances[^1];
        Scene.Set(last.Status!.Conditions!, "Ready", "False", "QuotaExceeded", "ours");
        Scene.Fail(scene.Plane.Entries[^1], "QuotaExceeded", "40 of 40");

        Assert.That(Text(scene, "workload/web"), Does.Contain("✗ Instance default/web-us-dfw-39").And.Contain("✗ ManagedResource i39"));
    }

    [Test]
    public void What_couldnt_be_read_is_told_before_the_last_line()
    {
        var scene = new Scene();
        scene.Plane.Gaps.Add(new TraceGap("leases.coordination.k8s.io", "forbidden: no"));

        var lines = Text(scene, "workload/web").TrimEnd().Split('\n');

        Assert.That(lines[^2], Is.EqualTo("Gap:   leases.coordination.k8s.io: forbidden: no"));
        Assert.That(lines[^3], Is.EqualTo("Host:  unknown: you may not list leases"));
    }

    [Test]
    public void The_JSON_has_the_tree_and_the_verdict()
    {
        var scene = new Scene();
        scene.Fails("QuotaExceeded", "The quota of 3 servers is used up.");
        var writer = new StringWriter();
        var tree = scene.Tree();
        var verdict = RootCause.Find(tree);
        new ConsoleOutput(new CliTerminal { Out = writer, Error = TextWriter.Null }, OutputFormat.Json, ColorMode.Never)
            .Result(TraceResult.Of(tree, verdict), TraceJson.Readable.TraceResult, (_, _) => { });

        var json = JsonNode.Parse(writer.ToString())!;
        Assert.Multiple(() =>
        {
            Assert.That((string?)json["focus"], Is.EqualTo("Workload default/web"));
            Assert.That((string?)json["tree"]!["mark"], Is.EqualTo("Failed"));
            Assert.That((string?)json["tree"]!["children"]![0]!["children"]![0]!["kind"], Is.EqualTo("WorkloadDeployment"));
            Assert.That((bool?)json["verdict"]!["ready"], Is.False);
            Assert.That((string?)json["verdict"]!["todo"], Is.EqualTo(verdict.Todo));
            Assert.That(((string?)json["verdict"]!["cause"]!["object"], (string?)json["verdict"]!["cause"]!["who"], (string?)json["verdict"]!["cause"]!["order"]),
                Is.EqualTo(("ManagedResource i0", "PlatformOperator", "Account")));
            Assert.That((string?)json["host"]!["state"], Is.EqualTo("NoLease"));
            Assert.That(json["gaps"]!.AsArray(), Is.Empty);
        });
    }

    private static string Text(Scene scene, string target, bool all = false)
    {
        var writer = new StringWriter { NewLine = "\n" };
        var tree = scene.Tree(target);
        TraceText.Write(new TextResult(writer, new Palette(enabled: false)), tree, RootCause.Find(tree), Scene.Now, all);
        return writer.ToString();
    }
}
