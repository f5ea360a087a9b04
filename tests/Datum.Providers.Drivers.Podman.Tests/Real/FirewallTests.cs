using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

[TestFixture]
public sealed class FirewallTests : PodmanFixture
{
    private static readonly IngressRule Web4 = new() { Protocol = "TCP", Port = 8080, Source = "0.0.0.0/0" };
    private static readonly IngressRule Web6 = new() { Protocol = "TCP", Port = 8080, Source = "::/0" };

    [Test]
    public async Task Only_what_a_rule_allows_gets_in()
    {
        var instance = NewInstance();
        var spec = TwoPorts(await NetworkAsync(), [Web4, Web6]);

        var ready = await instance.DriveToReadyAsync(spec);

        Assert.That(ready.Facts.PolicyEnforced, Is.True);
        foreach (var v6 in new[] { false, true })
        {
            Assert.That(await FetchEventuallyAsync(Address(ready.Facts, v6), 8080), Does.Contain("variant"));
            Assert.That(await FetchAsync(Address(ready.Facts, v6), 9090), Is.Null, "no rule allows 9090");
        }
    }

    [Test]
    public async Task Rules_stand_before_a_container_starts()
    {
        var instance = NewInstance();
        var spec = TwoPorts(await NetworkAsync(), [Web4]);
        await instance.DriveToReadyAsync(spec);
        var order = instance.Steps;
        Assert.That(order.IndexOf("Create firewall"), Is.LessThan(order.FindIndex(s => s.StartsWith("Create container-", StringComparison.Ordinal))).And.GreaterThan(order.IndexOf("Create sandbox")));

        // The step itself refuses too, whoever calls it out of order.
        var other = NewInstance();
        await other.DriveAsync(spec, o => o is Present<InstanceFacts> { Next.Part: "firewall" });
        var outcome = await other.DoAsync(new Step { Part = "start", Verb = StepVerb.Create, Class = CreateClass.Repeatable }, spec);
        Assert.That(((Failed<InstanceFacts>)outcome).Error, Is.EqualTo(new DriverError
        {
            Code = ErrorCode.NotReadyYet, Effect = Effect.NotApplied, Message = "The ingress rules don't stand yet.",
        }));
    }

    [Test]
    public async Task Rules_change_in_place_and_empty_rules_deny_everything()
    {
        var instance = NewInstance();
        var network = await NetworkAsync();
        var ready = await instance.DriveToReadyAsync(TwoPorts(network, [Web4]));
        Assert.That(await FetchEventuallyAsync(Address(ready.Facts), 8080), Is.Not.Null);
        instance.Steps.Clear();

        var none = TwoPorts(network, []);
        var drift = (await instance.PresentAsync(none)).Drift.Single();
        await instance.DriveToReadyAsync(none);
        var closed = await FetchAsync(Address(ready.Facts), 8080);
        var open = TwoPorts(network, null);
        var freed = await instance.DriveToReadyAsync(open);

        Assert.That((drift.Path, drift.Remedy), Is.EqualTo(("interfaces[eth0].ingress", Remedy.InPlace)));
        Assert.That(closed, Is.Null);
        Assert.That(instance.Steps, Is.EqualTo(new[] { "Update firewall", "Update firewall" }));
        Assert.That(freed.Facts.PolicyEnforced, Is.Null, "without a policy nothing is filtered");
        Assert.That(await FetchEventuallyAsync(Address(ready.Facts), 9090), Does.Contain("variant"));
    }

    [TestCase("delete table inet datum\n")]
    [TestCase("add rule inet datum input tcp dport 9090 accept\n")]
    [TestCase("add chain inet datum input { policy accept; }\n")]
    public async Task A_ruleset_that_somebody_changed_is_seen_and_put_back(string meddling)
    {
        var instance = NewInstance();
        var spec = TwoPorts(await NetworkAsync(), [Web4]);
        await instance.DriveToReadyAsync(spec);
        var container = await GetAsync($"containers/{instance.Id.PartId("container-web")}/json");
        var netns = container.GetProperty("NetworkSettings").GetProperty("SandboxKey").GetString()!;
        Assert.That(await new NsenterFirewall(TimeProvider.System).ApplyAsync(netns, meddling, CancellationToken.None), Is.Null);

        var seen = await instance.PresentAsync(spec);
        var mended = await instance.DriveToReadyAsync(spec);

        Assert.That(seen.State, Is.EqualTo(Lifecycle.Degraded));
        Assert.That(seen.Facts.PolicyEnforced, Is.False);
        Assert.That(mended.Facts.PolicyEnforced, Is.True);
    }

    [Test]
    public async Task Where_rules_cant_be_enforced_they_are_refused_unless_the_config_accepts_that()
    {
        var network = await NetworkAsync();
        var spec = TwoPorts(network, [Web4]);
        var strict = await ConnectAsync(firewall: new NoFirewall());
        var lax = await ConnectAsync(c => c with { AllowUnenforcedPolicies = true }, firewall: new NoFirewall());

        var refused = await strict.Instances!.ValidateAsync(Calls.New(), spec);
        var accepted = await lax.Instances!.ValidateAsync(Calls.New(), spec);
        var ready = await NewInstance(driver: lax).DriveToReadyAsync(spec);

        Assert.That((refused.Single().Path, refused.Single().Capability, refused.Single().Tolerated), Is.EqualTo(("interfaces[eth0].ingress", "firewall", false)));
        Assert.That(accepted.Single().Tolerated, Is.True);
        Assert.That(ready.Facts.PolicyEnforced, Is.False);
        Assert.That(await strict.Instances.ValidateAsync(Calls.New(), TwoPorts(network, null)), Is.Empty, "without a policy nothing is missing");
    }

    private static InstanceSpec TwoPorts(Reference network, ImmutableArray<IngressRule>? ingress)
    {
        var web = Web(network);
        return web with
        {
            Interfaces = [web.Interfaces[0] with { Ingress = ingress }],
            Sandbox = new SandboxSpec
            {
                Containers =
                [
                    .. web.Sandbox!.Containers,
                    new ContainerSpec { Name = "admin", Image = PodmanHost.WebImage, Environment = [new EnvironmentVariable { Name = "PORT", Value = "9090" }] },
                ],
            },
        };
    }

    private sealed class NoFirewall : INetworkNamespaceFirewall
    {
        public string? Unavailable => "There is no nft here.";

        public ValueTask<Answer<LoadedTable>> ReadAsync(string netns, CancellationToken cancellation) => throw new InvalidOperationException("not to be asked");

        public ValueTask<DriverError?> ApplyAsync(string netns, string ruleset, CancellationToken cancellation) => throw new InvalidOperationException("not to be asked");
    }
}
