using System.Net;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Testing;

namespace Datum.Providers.ControlPlane.Tests.Export;

/// <summary>Export policies from the object to the request and back to its status.</summary>
public sealed class ExportPolicyTests
{
    private const string Password = "canary-password-7f3a";
    private const string Body = "canary-of-the-answer-91c2";

    [TestCase("01-list-list.yaml", "exportpolicy")]
    [TestCase("02-exportpolicy-exportpolicy-sample.yaml", "exportpolicy-sample")]
    public async Task A_seed_policy_sends_what_it_selects_where_it_says(string file, string name)
    {
        var path = SharedFolder.Require("seeds", $"seeds/manifests/{file}");
        using var world = new ExportWorld();
        world.Instance("web-0", "default");
        world.Plane.Insert(ResourceTypes.OlderExportPolicies, ExportWorld.Policy(File.ReadAllText(path)));
        world.Settle();

        var older = world.Live(name, type: ResourceTypes.OlderExportPolicies);
        Assert.That(Conditions.Find(older.Status!.Conditions, "Ready"), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo("SinksNotAccepted"), "the Secret isn't there yet");
        Assert.That(Conditions.Find(older.Status.Sinks!.Single().Conditions, "Ready")!.Reason, Is.EqualTo("InvalidAuthentication"));
        Assert.That(world.Receiver.Requests, Is.Empty);

        world.Secret("grafana-cloud-credentials", Password, user: "12345");
        await world.UntilAsync(() => Conditions.Find(world.Live(name, type: ResourceTypes.OlderExportPolicies).Status!.Sinks!.Single().Conditions, "Delivering") is { Status: "True" }, "it is delivered");

        older = world.Live(name, type: ResourceTypes.OlderExportPolicies);
        Assert.Multiple(() =>
        {
            Assert.That(Conditions.Find(older.Status!.Conditions, "Ready"), Has.Property("Status").EqualTo("True").And.Property("Reason").EqualTo("SinksAccepted"));
            Assert.That(older.Status.Sinks!.Single().Name, Is.EqualTo("grafana-cloud-metrics"));
            Assert.That(Conditions.Find(older.Status.Sinks!.Single().Conditions, "Ready"), Has.Property("Status").EqualTo("True").And.Property("Reason").EqualTo("SinkConfigured"));
            Assert.That(Conditions.Find(older.Status.Sinks!.Single().Conditions, "Delivering"), Has.Property("Status").EqualTo("True").And.Property("Reason").EqualTo("Delivered"));
            Assert.That(world.Receiver.Requests.Select(r => r.To.AbsoluteUri).Distinct(), Is.EqualTo([older.Spec.Sinks.Single().Target.PrometheusRemoteWrite!.Endpoint]));
            Assert.That(world.Receiver.Requests.Select(r => r.Authorization).Distinct(), Is.EqualTo([$"Basic {Convert.ToBase64String("12345:canary-password-7f3a"u8)}"]));
            Assert.That(world.Receiver.Samples.Select(s => s["service_name"]).Distinct(), Is.EqualTo(["telemetry.datumapis.com"]));
            Assert.That(world.Receiver.Samples.Select(s => s["__name__"]).Distinct(), Does.Contain("datum_export_samples_total"));
        });
    }

    [Test]
    public void An_instance_is_sent_with_its_labels()
    {
        using var world = new ExportWorld();
        world.Instance("web-0", "default");
        world.Apply(ExportWorld.Policy("p", "default", """{service_name="compute.datumapis.com",driver="podman"}"""));
        world.Settle();

        var ready = world.Receiver.Samples.First(s => s["__name__"] == "datum_instance_ready");
        Assert.Multiple(() =>
        {
            Assert.That(ready.Value, Is.EqualTo(1));
            Assert.That((ready["namespace"], ready["instance"], ready["resource_name"], ready["resource_kind"], ready["location"]), Is.EqualTo(("default", "web-0", "web-0", "Instance", "dfw")));
            Assert.That(world.Receiver.Samples.First(s => s["__name__"] == "datum_instance_ready_after_seconds").Value, Is.EqualTo(12));
            Assert.That(world.Receiver.Samples.First(s => s["__name__"] == "datum_instance_addresses").Value, Is.EqualTo(1));
        });
    }

    [Test]
    public void L14_a_policy_sees_its_own_namespace_only()
    {
        using var world = new ExportWorld(seesHost: ns => ns == "operator");
        world.Instance("mine", "default");
        world.Instance("theirs", "other");
        world.Apply(ExportWorld.Policy("p", "default", """{__name__=~".+"}"""));
        world.Apply(ExportWorld.Policy("q", "other", """{namespace="default"}"""));
        world.Apply(ExportWorld.Policy("o", "operator", """{service_name="providers.datumapis.com"}""", "https://operator.example.com/push"));
        world.Settle();

        var (theirs, operators) = (world.Receiver.Requests.Where(r => r.To.Host == "metrics.example.com").SelectMany(r => r.Samples).ToList(), world.Receiver.Requests.Where(r => r.To.Host == "operator.example.com").SelectMany(r => r.Samples).ToList());
        Assert.Multiple(() =>
        {
            Assert.That(theirs.Select(s => s["namespace"]).Distinct(), Is.EqualTo(["default"]));
            Assert.That(theirs.Select(s => s["instance"]).Where(i => i.Length > 0).Distinct(), Is.EqualTo(["mine"]));
            Assert.That(theirs.Select(s => s["service_name"]), Does.Not.Contain("providers.datumapis.com"));
            Assert.That(operators.Select(s => s["__name__"]), Does.Contain("datum_controller_reconcile_duration_seconds_count"));
        });
    }

    [Test]
    public void L14_a_Secret_of_another_namespace_isnt_read()
    {
        using var world = new ExportWorld();
        world.Secret("cloud", Password, ns: "other");
        world.Apply(ExportWorld.Policy("p", "default", "m", secret: "cloud"));
        world.Apply(ExportWorld.Policy("q", "default", "m", secret: "../../other/secrets/cloud"));
        world.Settle();

        Assert.That(world.OfSink("Ready")!.Message, Does.Contain("there is no Secret cloud"));
        Assert.That(world.OfSink("Ready", "q")!.Message, Does.Contain("no name of a Secret"));
        Assert.That(world.Receiver.Requests, Is.Empty);
    }

    [Test]
    public async Task A_changed_Secret_holds_from_the_next_request_on()
    {
        using var world = new ExportWorld();
        world.Instance("web-0", "default");
        world.Secret("cloud", "first");
        world.Apply(ExportWorld.Policy("p", "default", "datum_instance_ready", secret: "cloud"));
        await world.UntilAsync(() => world.Receiver.Requests.Count > 0, "something is sent");
        world.Secret("cloud", "second");
        await world.UntilAsync(() => world.Receiver.Requests.Count > 0 && world.Receiver.Requests[^1].Authorization != world.Receiver.Requests[0].Authorization, "the new password is used");
        world.Plane.Delete(Core.Secrets, new ObjectKey("default", "cloud"));
        await world.UntilAsync(() => world.OfSink("Ready")!.Status == "False", "the missing Secret is told");
        var requests = world.Receiver.Requests.Count;
        world.Settle();

        Assert.Multiple(() =>
        {
            Assert.That(world.Receiver.Requests.Select(r => r.Authorization).Distinct(), Is.EqualTo([$"Basic {Convert.ToBase64String("user:first"u8)}", $"Basic {Convert.ToBase64String("user:second"u8)}"]));
            Assert.That(world.Receiver.Requests, Has.Count.EqualTo(requests), "without credentials nothing is sent");
            Assert.That(world.OfSink("Ready")!.Reason, Is.EqualTo("InvalidAuthentication"));
            Assert.That(world.OfSink("Delivering"), Is.Null);
        });
    }

    [TestCase("rate(m[5m])", "https://metrics.example.com/", "InvalidSource", "spec.sources[0].metrics.metricsql: Position 1")]
    [TestCase("m", "http://metrics.example.com/", "InvalidEndpoint", "it must be https")]
    [TestCase("m", "https://user:canary-password-7f3a@metrics.example.com/", "InvalidEndpoint", "belong into the Secret")]
    [TestCase("m", "https://169.254.169.254/", "InvalidEndpoint", "isn't public")]
    [TestCase("m", "https://metrics.example.com:22/", "InvalidEndpoint", "its port")]
    [TestCase("m", "file:///etc/passwd", "InvalidEndpoint", "no http or https URL")]
    public void What_cant_be_done_is_refused_by_field_and_told(string selector, string endpoint, string reason, string says)
    {
        using var world = new ExportWorld();
        world.Apply(ExportWorld.Policy("p", "default", selector, endpoint));
        world.Settle();

        Assert.Multiple(() =>
        {
            Assert.That(world.OfPolicy(), Has.Property("Status").EqualTo("False").And.Property("Message").EqualTo("Not accepted: s. See status.sinks."));
            Assert.That(world.OfSink("Ready")!.Reason, Is.EqualTo(reason));
            Assert.That(world.OfSink("Ready")!.Message, Does.Contain(says));
            Assert.That(world.Warnings, Has.Count.EqualTo(1));
            Assert.That(world.Warnings.Single(), Does.StartWith($"ExportPolicy default/p: {reason}: Sink s: "));
            Assert.That(world.OfSink("Ready")!.Message + string.Concat(world.Warnings), Does.Not.Contain(Password));
        });
    }

    [Test]
    public void Nothing_that_a_receiver_answers_and_no_password_reaches_the_plane()
    {
        using var world = new ExportWorld();
        world.Instance("web-0", "default");
        world.Secret("cloud", Password);
        world.Receiver.Answer(HttpStatusCode.BadRequest, body: Body);
        world.Apply(ExportWorld.Policy("p", "default", "datum_instance_ready", secret: "cloud"));
        world.Time.Advance(TimeSpan.FromSeconds(25));

        Assert.Multiple(() =>
        {
            Assert.That(world.OfSink("Delivering"), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo("ReceiverRefuses"));
            Assert.That(world.Warnings.Single(), Does.StartWith("ExportPolicy default/p: ReceiverRefuses: Sink s: "));
            Assert.That(world.Plane.Texts("secrets").Concat(world.Warnings), Has.None.Contains(Body).And.None.Contains(Password));
        });
    }

    [Test]
    public async Task L8_once_nothing_changes_nothing_is_written()
    {
        using var world = new ExportWorld();
        world.Instance("web-0", "default");
        world.Secret("cloud", Password);
        world.Apply(ExportWorld.Policy("p", "default", "datum_instance_ready", secret: "cloud"));
        world.Apply(ExportWorld.Policy("bad", "default", "{}"));
        await world.UntilAsync(() => world.OfSink("Delivering") is { Status: "True" }, "it is delivered");
        world.Time.Advance(TimeSpan.FromMinutes(2));
        var reads = world.Plane.Reads;
        var (writes, requests) = (world.Plane.Writes.Count, world.Receiver.Requests.Count);
        world.Time.Advance(TimeSpan.FromMinutes(10));

        Assert.That(world.Plane.Writes, Has.Count.EqualTo(writes));
        Assert.That(world.Plane.Reads, Is.LessThanOrEqualTo(reads + 4), "a watch that no bookmark keeps alive asks for its version, and nobody reads by the minute");
        Assert.That(world.Receiver.Requests, Has.Count.EqualTo(requests + 40), "one for each period");
    }

    [Test]
    public void Switched_off_nothing_is_sent_and_the_policy_says_so()
    {
        using var world = new ExportWorld(enabled: false);
        world.Instance("web-0", "default");
        world.Secret("cloud", Password);
        world.Apply(ExportWorld.Policy("p", "default", "datum_instance_ready", secret: "cloud"));
        world.Settle();

        Assert.That(world.OfPolicy(), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo("ExportDisabled"));
        Assert.That(world.OfSink("Ready")!.Reason, Is.EqualTo("ExportDisabled"));
        Assert.That(world.Receiver.Requests, Is.Empty);
    }

    [Test]
    public void A_slow_receiver_doesnt_keep_others_waiting()
    {
        using var world = new ExportWorld();
        world.Instance("web-0", "default");
        world.Receiver.Delay = (to, cancellation) => to.Host == "slow.example.com" ? world.Time.Delay(TimeSpan.FromHours(1), cancellation) : Task.CompletedTask;
        world.Apply(ExportWorld.Policy("slow", "default", "datum_instance_ready", "https://slow.example.com/"));
        world.Apply(ExportWorld.Policy("p", "default", "datum_instance_ready"));
        world.Time.Advance(TimeSpan.FromMinutes(5));

        Assert.That(world.Receiver.Requests.Count(r => r.To.Host == "metrics.example.com"), Is.EqualTo(20).Within(1));
        Assert.That(world.OfSink("Delivering", "slow"), Has.Property("Status").EqualTo("False").And.Property("Reason").EqualTo("ReceiverUnavailable"));
    }

    [Test]
    public void A_deleted_policy_sends_nothing_any_more()
    {
        using var world = new ExportWorld();
        world.Instance("web-0", "default");
        world.Apply(ExportWorld.Policy("p", "default", "datum_instance_ready"));
        world.Settle();
        world.Plane.Delete(ResourceTypes.ExportPolicies, new ObjectKey("default", "p"));
        world.Settle();
        var requests = world.Receiver.Requests.Count;
        world.Settle();

        Assert.That(requests, Is.Positive);
        Assert.That(world.Receiver.Requests, Has.Count.EqualTo(requests));
    }

    [Test]
    public void A_series_that_two_sources_select_is_sent_twice()
    {
        using var world = new ExportWorld();
        world.Instance("web-0", "default");
        var policy = ExportWorld.Policy("p", "default", "datum_instance_ready");
        policy.Spec.Sources.Add(new() { Name = "b", Metrics = new() { Metricsql = """{instance="web-0",__name__="datum_instance_ready"}""" } });
        policy.Spec.Sinks[0].Sources.Add("b");
        world.Apply(policy);
        world.Time.Advance(TimeSpan.FromSeconds(20));

        Assert.That(world.Receiver.Requests.Single().Samples, Has.Count.EqualTo(2));
    }

    [Test]
    public void A_namespace_has_a_limited_number_of_sinks()
    {
        using var world = new ExportWorld();
        for (var i = 0; i < 51; i++)
            world.Apply(ExportWorld.Policy($"p{i:d2}", "default", "m"));
        world.Settle();
        Assert.That(world.OfSink("Ready", "p50")!.Reason, Is.EqualTo("TooManySinks"));
        Assert.That(world.OfSink("Ready", "p49")!.Reason, Is.EqualTo("SinkConfigured"));

        world.Plane.Delete(ResourceTypes.ExportPolicies, new ObjectKey("default", "p00"));
        world.Time.Advance(TimeSpan.FromMinutes(2));

        Assert.That(world.OfSink("Ready", "p50")!.Reason, Is.EqualTo("SinkConfigured"));
    }
}
