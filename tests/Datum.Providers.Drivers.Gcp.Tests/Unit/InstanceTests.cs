using System.Text.Json.Nodes;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Drivers.Gcp.Instances;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>Instances: what is sent, what is seen, how they change.</summary>
public sealed class InstanceTests
{
    [Test]
    public async Task A_machine_gets_image_size_disk_and_addresses()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var (id, seen, steps) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network, subnet));
        Assert.That(steps, Is.EqualTo(new[] { "Create server" }));
        Assert.That(id.Resolved["machineType"], Is.EqualTo("n2-standard-2"));
        Assert.That(id.Resolved["image"], Is.EqualTo("projects/ubuntu-os-cloud/global/images/ubuntu-2204-jammy-v20260915"));
        var disk = bench.At(id.PartId("server")!.Replace("/instances/", "/disks/", StringComparison.Ordinal))!.Body;
        Assert.That((disk["sizeGb"]!.ToString(), disk["labels"]!["datum-part"]!.ToString()), Is.EqualTo(("25", "boot")));
        Assert.That(seen.Facts.Interfaces.Single().NetworkAddresses.Single(), Is.EqualTo("10.1.0.2"));
        Assert.That(seen.Facts.Interfaces.Single().ExternalAddresses, Has.Length.EqualTo(1));
        var body = bench.At(id.PartId("server")!)!.Body;
        Assert.That(body["serviceAccounts"], Is.Null, "Without one that is named it has no account at all.");
        Assert.That(body["canIpForward"]!.GetValue<bool>(), Is.False);
        Assert.That(body["hostname"], Is.Null, "The guest sets its name; the platform's own field takes full names only.");
        Assert.That(Metadata(body, "block-project-ssh-keys"), Is.EqualTo("TRUE"));
        Assert.That(await bench.TakeDown(driver.Instances!, id), Is.EqualTo(new[] { "server" }));
        Assert.That(bench.Cloud.Objects.Where(o => o.Collection is "instances" or "disks"), Is.Empty);
    }

    [Test]
    public async Task Without_external_addresses_none_is_asked_for()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(new { authentication = new { mode = "None" }, externalAddresses = "None" });
        var (network, subnet) = await bench.Landscape(driver);
        var (_, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network, subnet));
        Assert.That(seen.Facts.Interfaces.Single().ExternalAddresses, Is.Empty);
    }

    [Test]
    public async Task Interfaces_are_in_networks_of_their_own_and_are_told_apart()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var (network2, subnet2) = await bench.Landscape(driver, 2);
        var spec = Bench.Machine(network, subnet);
        spec = spec with { Interfaces = [spec.Interfaces[0], new InterfaceSpec { Name = "eth1", Network = Bench.Refer(network2), Subnets = [Bench.Refer(subnet2)], Addresses = ["10.2.0.77"] }] };
        var (id, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        Assert.That(seen.Facts.Interfaces.Select(i => (i.Name, i.NetworkAddresses.Single())), Is.EqualTo(new[] { ("eth0", "10.1.0.2"), ("eth1", "10.2.0.77") }));
        Assert.That(seen.Facts.Interfaces[1].ExternalAddresses, Is.Empty);
        var fewer = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec with { Interfaces = [spec.Interfaces[0]] });
        Assert.That(fewer.Drift.Single(d => d.Path == "interfaces").Remedy, Is.EqualTo(Remedy.Replace));
    }

    [Test]
    public async Task Secrets_go_to_the_store_and_never_into_metadata()
    {
        using var bench = new Bench();
        bench.Payloads["database"] = "canary-9f31c2";
        var driver = await bench.ConnectAsync(Life.Settings);
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Life.WithSecret(Bench.Sandbox(network, subnet));
        var (id, _, steps) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        Assert.That(steps, Is.EqualTo(new[] { "Create secret", "Create secret-contents", "Create server" }));
        Assert.That(bench.Cloud.Objects.Select(o => o.Body.ToJsonString()), Has.None.Contains("canary-9f31c2"));
        var stored = bench.Cloud.StoredSecrets.Single();
        Assert.That(System.Text.Encoding.UTF8.GetString(stored.Latest.Span), Does.Contain("canary-9f31c2"));
        Assert.That(stored.Policy, Does.Contain("roles/secretmanager.secretAccessor").And.Contain("serviceAccount:guests@demo-project"));
        var userData = Metadata(bench.At(id.PartId("server")!)!.Body, "user-data")!;
        Assert.That(userData, Does.Contain("/versions/latest:access"));
        Assert.That(await bench.TakeDown(driver.Instances!, id), Is.EqualTo(new[] { "server", "secret" }));
    }

    [Test]
    public async Task A_server_isn_t_made_before_its_secret_is_written()
    {
        using var bench = new Bench();
        bench.Payloads["database"] = "canary-9f31c2";
        var driver = await bench.ConnectAsync(Life.Settings);
        var (network, subnet) = await bench.Landscape(driver);
        var id = Bench.Id(ResourceKind.Instance);
        var step = new Step { Part = "server", Verb = StepVerb.Create, Class = CreateClass.Named };
        var outcome = await driver.Instances!.CreateAsync(bench.Operation(id, step), id, Life.WithSecret(Bench.Sandbox(network, subnet)));
        Assert.That((outcome as Failed<InstanceFacts>)?.Error.Code, Is.EqualTo(ErrorCode.PreconditionFailed));
        Assert.That(bench.Cloud.Objects.Any(o => o.Collection == "instances"), Is.False);
    }

    [Test]
    public async Task Without_an_account_for_guests_secrets_are_refused_and_the_probe_says_so()
    {
        using var bench = new Bench();
        bench.Payloads["database"] = "x";
        var driver = await bench.ConnectAsync();
        var findings = await driver.Instances!.ValidateAsync(bench.Call(), Life.WithSecret(Bench.Sandbox(Bench.Id(ResourceKind.Network), Bench.Id(ResourceKind.Subnet))));
        Assert.That(findings.Select(f => f.Capability), Has.Member("secrets"));
        Assert.That((await driver.ProbeAsync(bench.Call())).Value!.Limitations.Single().Capability, Is.EqualTo("secrets"));
    }

    [Test]
    public async Task A_new_hash_of_a_payload_asks_for_a_new_instance()
    {
        using var bench = new Bench();
        bench.Payloads["database"] = "x";
        var driver = await bench.ConnectAsync(Life.Settings);
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Life.WithSecret(Bench.Sandbox(network, subnet));
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, Life.WithSecret(Bench.Sandbox(network, subnet), "hash2"));
        Assert.That(seen.Drift.Single().Path, Is.EqualTo("sandbox.containers[web].environment[PASSWORD].payload"));
        Assert.That((seen.Drift.Single().Remedy, seen.Drift.Single().Desired, seen.Next), Is.EqualTo((Remedy.Replace, (string?)null, (Step?)null)));
    }

    [Test]
    public async Task A_restart_is_a_stop_a_note_and_a_start()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(10) });
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Machine(network, subnet);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        var (_, seen, steps) = await bench.Build(driver.Instances!, id, spec with { RestartedAt = "2030-01-01T00:00:00Z" });
        Assert.That(steps, Is.EqualTo(new[] { "Update restart", "Update restart", "Update power" }));
        Assert.That(seen.Facts.Power, Is.EqualTo(PowerState.Running));
    }

    [Test]
    public async Task People_s_own_tags_survive_a_change_of_firewalls()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Machine(network, subnet);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        bench.Cloud.Edit(id.PartId("server")!, b => b["tags"]!["items"] = new JsonArray("http-server"));
        var firewall = new Reference { Name = new string('a', 32) };
        await bench.Build(driver.Instances!, id, spec with { Interfaces = [spec.Interfaces[0] with { Firewalls = [firewall] }] });
        Assert.That(bench.At(id.PartId("server")!)!.Body["tags"]!["items"]!.AsArray().Select(t => t!.ToString()), Is.EquivalentTo(new[] { "http-server", "fw-" + firewall.Name }));
    }

    [Test]
    public async Task An_instance_isn_t_called_ready_before_its_guest_is()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(10), GuestBoot = TimeSpan.FromSeconds(40) });
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var begun = bench.Clock.Now;
        var (_, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Sandbox(network, subnet));
        Assert.That(seen.Facts.Guest, Is.EqualTo(GuestHealth.Ready));
        Assert.That(bench.Clock.Now - begun, Is.InRange(TimeSpan.FromSeconds(50), TimeSpan.FromSeconds(60)));
    }

    [Test]
    public async Task A_guest_that_never_reports_is_waited_for_fifteen_minutes_and_then_left_alone()
    {
        using var bench = new Bench(new GcpKnobs { GuestBoot = null, DefaultDuration = TimeSpan.FromSeconds(10) });
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var begun = bench.Clock.Now;
        var (_, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Sandbox(network, subnet));
        Assert.That((seen.Facts.Guest, seen.State), Is.EqualTo((GuestHealth.Unknown, Lifecycle.Ready)));
        Assert.That(bench.Clock.Now - begun, Is.InRange(TimeSpan.FromMinutes(15), TimeSpan.FromMinutes(16)));
    }

    [Test]
    public async Task A_container_that_crashes_is_told_by_name()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Sandbox(network, subnet);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        bench.Cloud.SetSerial(id.PartId("server")!, "DATUM-BEACON {\"ready\":true}\r\nDATUM-BEACON {\"ready\":false,\"containers\":[{\"name\":\"web\",\"state\":\"failed\",\"restarts\":7}]}\r\nDATUM-BEACON {\"rea");
        var seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec);
        Assert.That((seen.State, seen.Facts.Guest, seen.Facts.GuestMessage), Is.EqualTo((Lifecycle.Degraded, GuestHealth.NotReady, "container web is failed")));
        Assert.That(seen.Facts.Containers.Single().Reason, Is.EqualTo("InstanceCrashing"));
    }

    [Test]
    public async Task A_guest_that_fell_silent_isn_t_ready_any_more_whatever_the_host_s_clock_says()
    {
        using var bench = new Bench(new GcpKnobs { Skew = TimeSpan.FromHours(5) });
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var spec = Bench.Sandbox(network, subnet);
        var (id, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        Assert.That(seen.Facts.Guest, Is.EqualTo(GuestHealth.Ready));
        bench.Cloud.Knobs = bench.Cloud.Knobs with { GuestsSilentFrom = bench.Clock.Now.AddHours(5) };
        bench.Clock.Advance(TimeSpan.FromMinutes(2));
        Assert.That(((Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec)).Facts.Guest, Is.EqualTo(GuestHealth.Ready));
        bench.Clock.Advance(TimeSpan.FromMinutes(4));
        seen = (Present<InstanceFacts>)await bench.Observe(driver.Instances!, id, spec);
        Assert.That((seen.State, seen.Facts.Guest, seen.Facts.GuestMessage), Is.EqualTo((Lifecycle.Degraded, GuestHealth.NotReady, "the guest hasn't reported for 6 minutes")));
        Assert.That((seen.Next, seen.InProgress), Is.EqualTo(((Step?)null, (Progress?)null)));
    }

    [Test]
    public async Task A_boot_disk_that_outlived_its_machine_is_listed_and_taken_down()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var (id, _, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network, subnet));
        bench.Cloud.Edit(id.PartId("server")!, b => b["disks"]![0]!["autoDelete"] = false);
        bench.Cloud.Vanish(id.PartId("server")!);
        var listed = new List<Listed<InstanceFacts>>();
        string? cursor = null;
        do
        {
            var page = (await driver.Instances!.ListAsync(bench.Call(), new ListQuery { Installation = Bench.Installation }, cursor)).Value!;
            listed.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null);
        Assert.That(listed.Single().Parts.Single().Name, Is.EqualTo("boot"));
        Assert.That(await bench.TakeDown(driver.Instances!, id), Is.EqualTo(new[] { "boot" }));
    }

    [Test]
    public async Task A_stockout_that_only_the_operation_knows_is_told_for_the_zone_and_leaves_nothing()
    {
        using var bench = new Bench(new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(10), FullZones = ["us-central1-a"] });
        var driver = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(driver);
        var id = Bench.Id(ResourceKind.Instance);
        var spec = Bench.Machine(network, subnet);
        var outcome = (Running<InstanceFacts>)await driver.Instances!.CreateAsync(bench.Operation(id, new Step { Part = "server", Verb = StepVerb.Create, Class = CreateClass.Named }), id, spec);
        bench.Clock.Advance(TimeSpan.FromSeconds(11));
        var seen = await bench.Observe(driver.Instances!, id, spec, outcome.Progress.Handle);
        Assert.That((seen.Failure?.Code, seen.Failure?.Scope, seen.Failure?.Effect), Is.EqualTo(((ErrorCode?)ErrorCode.CapacityUnavailable, (ErrorScope?)ErrorScope.Zone, (Effect?)Effect.NotApplied)));
        Assert.That(seen, Is.InstanceOf<Absent<InstanceFacts>>());
        Assert.That(bench.Cloud.Objects.Any(o => o.Collection is "instances" or "disks"), Is.False);
    }

    [TestCase(2000, 8192, "n2-standard-2")]
    [TestCase(2000, 8193, "n2-highmem-2")]
    [TestCase(2001, 8192, "n2-standard-4")]
    [TestCase(4000, 4096, "n2-highcpu-4")]
    public void Sizes_are_floors(int cpu, int memory, string expected) =>
        Assert.That(MachineTypes.Choose(new InstanceSize { InstanceType = "t", CpuMillis = cpu, MemoryMiB = memory }).Value, Is.EqualTo(expected));

    [Test]
    public void The_ProviderConfig_s_own_size_wins() =>
        Assert.That(MachineTypes.Choose(new InstanceSize { InstanceType = "t", CpuMillis = 2000, MemoryMiB = 8192, Native = "e2-standard-2" }).Value, Is.EqualTo("e2-standard-2"));

    [TestCase("RUNNING", PowerState.Running)]
    [TestCase("PROVISIONING", PowerState.Starting)]
    [TestCase("STAGING", PowerState.Starting)]
    [TestCase("STOPPING", PowerState.Stopping)]
    [TestCase("SUSPENDING", PowerState.Stopping)]
    [TestCase("SUSPENDED", PowerState.Stopped)]
    [TestCase("TERMINATED", PowerState.Stopped)]
    [TestCase("REPAIRING", PowerState.Stopped)]
    [TestCase("SOMETHING_NEW", PowerState.Unknown)]
    public void Power_is_mapped(string status, PowerState power) => Assert.That(InstanceView.ToPower(status), Is.EqualTo(power));

    private static string? Metadata(JsonObject body, string key) => body["metadata"]!["items"]!.AsArray().FirstOrDefault(i => i!["key"]!.ToString() == key)?["value"]?.ToString();
}
