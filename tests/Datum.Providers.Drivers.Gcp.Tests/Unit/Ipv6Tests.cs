using System.Net;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>IPv6 beside IPv4, from the platform's own prefixes.</summary>
public sealed class Ipv6Tests
{
    private static readonly object Internal = new { authentication = new { mode = "None" }, ipv6 = "Internal" };
    private static readonly object External = new { authentication = new { mode = "None" }, ipv6 = "External" };

    [Test]
    public async Task Internal_addresses_are_from_the_network_s_own_range_and_told_after_IPv4()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(Internal);
        var (network, subnet) = await bench.Landscape(driver);
        var facts = ((Present<NetworkFacts>)await bench.Observe(driver.Networks!, network, new NetworkSpec { Mtu = 1460, LocationJson = Bench.Location })).Facts;
        Assert.That(IPNetwork.Parse("fd20::/20").Contains(IPNetwork.Parse(facts.Ranges.Single()).BaseAddress), Is.True, facts.Ranges.Single());
        var body = bench.At(subnet.Parts[0].Id)!.Body;
        Assert.That((body["stackType"]!.ToString(), body["ipv6AccessType"]!.ToString(), body["ipCidrRange"]!.ToString()), Is.EqualTo(("IPV4_IPV6", "INTERNAL", "10.1.0.0/16")));

        var (_, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network, subnet));
        var nic = seen.Facts.Interfaces.Single();
        Assert.That(nic.NetworkAddresses[0], Is.EqualTo("10.1.0.2"));
        Assert.That(IPNetwork.Parse(facts.Ranges.Single()).Contains(IPAddress.Parse(nic.NetworkAddresses[1])), Is.True, nic.NetworkAddresses[1]);
        Assert.That(nic.ExternalAddresses.Select(a => a.Contains(':')), Is.EqualTo(new[] { false }));
        Assert.That(seen.Drift, Is.Empty);
    }

    [Test]
    public async Task External_addresses_of_both_families_are_the_first_interface_s_alone()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(External);
        var (network, subnet) = await bench.Landscape(driver);
        var (network2, subnet2) = await bench.Landscape(driver, 2);
        Assert.That(bench.At(network.Parts[0].Id)!.Body["enableUlaInternalIpv6"], Is.Null);
        var spec = Bench.Machine(network, subnet);
        spec = spec with { Interfaces = [spec.Interfaces[0], new InterfaceSpec { Name = "eth1", Network = Bench.Refer(network2), Subnets = [Bench.Refer(subnet2)] }] };
        var (id, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), spec);
        Assert.That(seen.Facts.Interfaces[0].ExternalAddresses.Select(a => a.Contains(':')), Is.EqualTo(new[] { false, true }));
        Assert.That((seen.Facts.Interfaces[0].NetworkAddresses.Length, seen.Facts.Interfaces[1].ExternalAddresses.Length), Is.EqualTo((1, 0)));
        Assert.That(bench.At(id.PartId("server")!)!.Body["networkInterfaces"]![1]!["stackType"]!.ToString(), Is.EqualTo("IPV4_ONLY"));
    }

    [Test]
    public async Task Nobody_is_reached_by_IPv6_where_external_addresses_are_switched_off()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(new { authentication = new { mode = "None" }, ipv6 = "External", externalAddresses = "None" });
        var (network, subnet) = await bench.Landscape(driver);
        var (_, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network, subnet));
        Assert.That(seen.Facts.Interfaces.Single().ExternalAddresses, Is.Empty);
    }

    [Test]
    public async Task What_was_made_before_the_setting_goes_on_with_IPv4()
    {
        using var bench = new Bench();
        var before = await bench.ConnectAsync();
        var (network, subnet) = await bench.Landscape(before);
        var driver = await bench.ConnectAsync(Internal);
        var later = Bench.Id(ResourceKind.Subnet, 2);
        (later, _, _) = await bench.Build(driver.Subnets!, later, new SubnetSpec { Network = Bench.Refer(network), Range = "10.9.0.0/16", LocationJson = Bench.Location });
        Assert.That(bench.At(later.Parts[0].Id)!.Body["stackType"]!.ToString(), Is.EqualTo("IPV4_ONLY"), "Its network has no IPv6 range to give.");
        var (_, seen, _) = await bench.Build(driver.Instances!, Bench.Id(ResourceKind.Instance), Bench.Machine(network, subnet));
        Assert.That((seen.Facts.Interfaces.Single().NetworkAddresses.Length, seen.Drift.Length), Is.EqualTo((1, 0)));
    }

    [Test]
    public async Task Prefixes_of_a_Network_s_own_are_refused_with_what_to_do()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(Internal);
        foreach (ImmutableArray<string> families in (ImmutableArray<string>[])[["IPv6"], ["IPv4", "IPv6"]])
        {
            var finding = (await driver.Networks!.ValidateAsync(bench.Call(), new NetworkSpec { IpFamilies = families })).Single();
            Assert.That((finding.Path, finding.Capability), Is.EqualTo(("ipFamilies", "ipFamilies")));
            Assert.That(finding.Message, Does.Contain("'ipv6' of the ProviderConfig's settings"));
        }
    }

    [Test]
    public async Task Rules_reach_both_families_in_firewalls_of_their_own()
    {
        using var bench = new Bench();
        var driver = await bench.ConnectAsync(External);
        var (network, _) = await bench.Landscape(driver);
        var spec = new FirewallSpec { Network = Bench.Refer(network), Ingress = [new() { Protocol = "TCP", Port = 443, Source = "0.0.0.0/0" }, new() { Protocol = "TCP", Port = 443, Source = "::/0" }] };
        var (id, _, _) = await bench.Build(driver.Firewalls!, Bench.Id(ResourceKind.Firewall), spec);
        Assert.That(id.Parts.Select(p => bench.At(p.Id)!.Body["sourceRanges"]!.AsArray().Single()!.ToString()), Is.EquivalentTo(new[] { "0.0.0.0/0", "::/0" }));
    }

    [Test]
    public async Task A_setting_that_is_none_of_the_three_is_refused()
    {
        using var bench = new Bench();
        var error = (await Assert.ThrowsAsync<DriverException>(() => bench.ConnectAsync(new { ipv6 = "Both" })))!.Error;
        Assert.That((error.Code, error.Field), Is.EqualTo((ErrorCode.Invalid, "settings.ipv6")));
    }
}
