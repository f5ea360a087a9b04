using System.Net;
using System.Text.Json.Nodes;
using Datum.Providers.Drivers.Proxmox.Instances;
using Datum.Providers.Drivers.Proxmox.Seed;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Proxmox.Tests.Unit;

/// <summary>The seed medium: an image that others read, with what the guest shall become.</summary>
public sealed class SeedTests
{
    private static readonly Identity Id = Bench.Id(ResourceKind.Instance);

    [Test]
    public void The_network_is_fixed_by_MAC_in_both_families_with_one_gateway_each()
    {
        var spec = Bench.Sandbox(Bench.Id(ResourceKind.Network)) with { Interfaces = [new InterfaceSpec { Name = "eth0" }, new InterfaceSpec { Name = "eth1" }] };
        NicAddress Of(string address, string range) => new(IPAddress.Parse(address), Cidr.Parse(range));
        var config = JsonNode.Parse(SeedMedium.NetworkConfig(Id, spec, [[Of("10.1.0.7", "10.1.0.0/16"), Of("fd20::7", "fd20::/64")], [Of("10.2.0.9", "10.2.0.0/24")]], [1450, null], ["192.0.2.53"]))!;
        var (first, second) = (config["ethernets"]!["eth0"]!, config["ethernets"]!["eth1"]!);
        Assert.Multiple(() =>
        {
            Assert.That(first["match"]!["macaddress"]!.ToString(), Is.EqualTo(Addresses.Mac(Id, 0).ToLowerInvariant()));
            Assert.That(first["mtu"]!.GetValue<int>(), Is.EqualTo(1450));
            Assert.That(first["addresses"]!.AsArray().Select(a => a!.ToString()), Is.EqualTo(new[] { "10.1.0.7/16", "fd20::7/64" }));
            Assert.That(first["routes"]!.AsArray().Select(r => $"{r!["to"]} {r["via"]}"), Is.EqualTo(new[] { "0.0.0.0/0 10.1.0.1", "::/0 fd20::1" }));
            Assert.That(first["nameservers"]!["addresses"]!.AsArray().Select(a => a!.ToString()), Is.EqualTo(new[] { "192.0.2.53" }));
            Assert.That(second["routes"], Is.Null);
            Assert.That(second["addresses"]!.AsArray().Select(a => a!.ToString()), Is.EqualTo(new[] { "10.2.0.9/24" }));
        });
    }

    [Test]
    public void A_file_s_name_is_its_mark()
    {
        Assert.That(SeedMedium.ReadMark("local:iso/" + SeedMedium.FileName(Id)), Is.EqualTo(Marks.For(Id)));
        Assert.That(SeedMedium.ReadMark("local:iso/debian-12.iso"), Is.Null);
        Assert.That(SeedMedium.FileName(Id with { Incarnation = 2 }), Is.Not.EqualTo(SeedMedium.FileName(Id)));
    }

    [Test]
    public void What_a_person_wrote_into_the_description_stays_and_notes_are_read_back()
    {
        var notes = new Notes { Booted = true, Grace = 45, RestartedAt = "2030-06-01T00:00:00Z", Spec = new SortedDictionary<string, string> { ["hostname"] = "web-0" } };
        var text = notes.Write("A person's words.\nAnd more.", Marks.For(Id), "default/web-0");
        var again = (Notes.Read(text)! with { Grace = 50 }).Write(text, Marks.For(Id), "default/web-0");
        Assert.Multiple(() =>
        {
            Assert.That(again, Does.Contain("A person's words.\nAnd more.\n"));
            Assert.That(again.Split("datum-notes:"), Has.Length.EqualTo(2));
            Assert.That(Notes.Read(again)!.Grace, Is.EqualTo(50));
            Assert.That(Notes.Read(again)!.Spec!["hostname"], Is.EqualTo("web-0"));
            Assert.That(TextMarks.Read(again), Is.EqualTo(Marks.For(Id)));
            Assert.That(Notes.Read("datum-notes:%%%"), Is.Null);
        });
    }
}
