namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>What can't be honoured is refused with its path (law L11).</summary>
internal sealed class GuestRefusalTests
{
    private const string LoneSurrogate = "(lone surrogate)";

    [TestCase("../escape"), TestCase("a/../../b"), TestCase("/absolute"), TestCase(""), TestCase("a/"), TestCase("./a"), TestCase("a//b"), TestCase("a\nb"), TestCase("a\0b"), TestCase(LoneSurrogate)]
    public void A_path_that_leaves_its_volume_is_refused(string path)
    {
        // An attribute can't hold half a surrogate pair.
        path = path.Replace(LoneSurrogate, "\ud800", StringComparison.Ordinal);
        var spec = Guests.Sandbox with
        {
            Volumes = Guests.Sandbox.Volumes.SetItem(1, new VolumeSpec { Name = "keys", Files = new FilesVolume { Payload = Guests.Secret, Items = [new FileItem { Key = "password", Path = path }] } }),
        };
        Assert.That(Guests.Refused(spec), Is.EqualTo(new[] { "volumes[keys].files.items[password].path" }));
    }

    [Test]
    public void A_key_that_leaves_its_volume_is_refused() =>
        Assert.That(Guests.Refused(Guests.Sandbox, payloads: Guests.Payloads.With(Guests.Secret, Guests.Map(("password", "x"), ("..", "y")))), Has.Member("volumes[keys].files.items[..].path"));

    [Test]
    public void Two_items_on_one_path_are_refused()
    {
        var files = new FilesVolume { Payload = Guests.Config, Items = [new FileItem { Key = "color", Path = "a" }, new FileItem { Key = "app.conf", Path = "a/b" }] };
        Assert.That(Guests.Refused(Guests.Sandbox with { Volumes = Guests.Sandbox.Volumes.SetItem(0, new VolumeSpec { Name = "conf", Files = files }) }), Is.EqualTo(new[] { "volumes[conf].files.items[app.conf].path" }));
    }

    [TestCase("/"), TestCase("relative"), TestCase("/a:b"), TestCase("/a/../b"), TestCase("/a b"), TestCase("/a,b"), TestCase("/a\nb")]
    public void A_mount_path_that_means_something_else_is_refused(string path)
    {
        Assert.That(Guests.Refused(Guests.With(c => c with { Mounts = [new MountSpec { Volume = "conf", Path = path }] })), Is.EqualTo(new[] { "sandbox.containers[web].mounts[conf].path" }));
        Assert.That(Guests.Refused(Guests.Machine with { Machine = Guests.Machine.Machine! with { Mounts = [new MountSpec { Volume = "data", Path = path }] } }), Is.EqualTo(new[] { "machine.mounts[data].path" }));
    }

    [Test]
    public void A_missing_payload_or_key_is_refused_and_an_optional_one_is_left_out()
    {
        Assert.That(Guests.Refused(Guests.Sandbox, payloads: GuestPayloads.Empty.With(Guests.Pull, Guests.Map((".dockerconfigjson", """{"auths":{}}""")))), Is.EqualTo(new[]
        {
            "volumes[conf].files.payload", "volumes[conf].files.items[app.conf].key", "volumes[keys].files.payload",
            "sandbox.containers[web].env[APP_]", "sandbox.containers[web].env[SECRET_]", "sandbox.containers[web].env[COLOR]", "sandbox.containers[web].env[PASSWORD]",
        }));
        var optional = Guests.With(c => c with { Environment = [new EnvironmentVariable { Name = "A", From = new PayloadKey { Payload = Guests.Config, Key = "absent", Optional = true } }, new EnvironmentVariable { Name = "B", Value = "b" }] });
        Assert.That(Rendered.CloudFiles(Guests.Render(optional))["/var/lib/datum/env/web.env"].Text, Is.EqualTo("B=b\n"));
    }

    [Test]
    public void A_value_that_no_environment_can_hold_is_refused_without_showing_it()
    {
        var payloads = Guests.Payloads.With(Guests.Secret, Guests.Map(("password", Guests.Canary + "\0"), ("tls.key", "k"), ("more", "m")).SetItem("tls.key", new byte[] { 0xff, 0xfe }));
        var findings = GuestBootstrap.Render(Guests.Sandbox, payloads, Guests.Options).Findings;
        Assert.That(findings.Select(f => f.Path), Is.EqualTo(new[]
        {
            "sandbox.containers[web].env[SECRET_].allOf[password]", "sandbox.containers[web].env[SECRET_].allOf[tls.key]", "sandbox.containers[web].env[PASSWORD]",
        }));
        Assert.That(findings.Select(f => f.Message), Has.None.Contains("canary"));
    }

    [TestCase("A B"), TestCase("A=B"), TestCase("1A"), TestCase(""), TestCase("Ä"), TestCase("A\nB")]
    public void A_name_that_no_variable_can_have_is_refused(string name) =>
        Assert.That(Guests.Refused(Guests.With(c => c with { Environment = [new EnvironmentVariable { Name = name, Value = "x" }] })), Has.Length.EqualTo(1));

    [TestCase("{}"), TestCase("""{"auths":[]}"""), TestCase("""{"auths":{"r":{}}}"""), TestCase("""{"auths":{"r":"canary"}}"""), TestCase("canary{"), TestCase("""{"auths":{"r":{"auth":"\ud800"}}}""")]
    public void A_pull_secret_that_is_none_is_refused_without_showing_it(string document)
    {
        var findings = GuestBootstrap.Render(Guests.Sandbox, Guests.Payloads.With(Guests.Pull, Guests.Map((".dockerconfigjson", document))), Guests.Options).Findings;
        Assert.That(findings.Single().Path, Is.EqualTo("sandbox.pullSecrets[registry]"));
        Assert.That(findings.Single().Message, Does.Not.Contain("canary"));
    }

    [Test]
    public void Containers_that_want_one_port_are_refused()
    {
        var web = Guests.Sandbox.Sandbox!.Containers[0];
        var spec = Guests.Sandbox with { Sandbox = Guests.Sandbox.Sandbox with { Containers = [web, web with { Name = "twin" }] } };
        Assert.That(Guests.Refused(spec), Is.EqualTo(new[] { "sandbox.containers[twin].ports[http].port" }));
    }

    [TestCase("a b"), TestCase(""), TestCase("--privileged"), TestCase("img;id"), TestCase("img:")]
    public void An_image_that_is_no_reference_is_refused(string image) =>
        Assert.That(Guests.Refused(Guests.With(c => c with { Image = image })), Is.EqualTo(new[] { "sandbox.containers[web].image" }));

    [TestCase("ana"), TestCase(":ssh-ed25519 AAAA"), TestCase("Ana:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA"), TestCase("ana:ssh-ed25519"), TestCase("ana:ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\nroot"), TestCase("ana:command=\"id\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA")]
    public void A_key_that_is_no_public_key_is_refused(string key) =>
        Assert.That(Guests.Refused(Guests.Machine with { Machine = Guests.Machine.Machine! with { SshKeys = [key] } }), Is.EqualTo(new[] { "machine.sshKeys[0]" }));

    [Test]
    public void A_disk_is_refused_with_an_unknown_filesystem_and_mounted_without_one()
    {
        InstanceSpec With(string? filesystem) => Guests.Sandbox with { Volumes = Guests.Sandbox.Volumes.SetItem(2, new VolumeSpec { Name = "data", Disk = new DiskVolume { DeviceName = "data", Filesystem = filesystem } }) };
        Assert.That(Guests.Refused(With("ntfs")), Is.EqualTo(new[] { "volumes[data].disk.filesystem" }));
        Assert.That(Guests.Refused(With(null)), Is.EqualTo(new[] { "volumes[data].disk.filesystem" }));
    }

    [Test]
    public void Neither_and_both_of_sandbox_and_machine_are_refused()
    {
        Assert.That(Guests.Refused(Guests.Sandbox with { Sandbox = null }), Has.Member("sandbox"));
        Assert.That(Guests.Refused(Guests.Machine with { Sandbox = Guests.Sandbox.Sandbox }), Has.Member("sandbox"));
    }

    [Test]
    public void Rules_are_refused_where_nothing_enforces_them_and_where_devices_are_unknown()
    {
        Assert.That(Guests.Refused(Guests.Sandbox, Guests.Options with { Firewall = FirewallScope.None }), Is.EqualTo(new[] { "interfaces[eth0].ingress", "interfaces[eth1].ingress" }));
        Assert.That(Guests.Refused(Guests.Sandbox, Guests.Options with { InterfaceDevices = ImmutableDictionary<string, string>.Empty.Add("eth0", "ens3") }), Is.EqualTo(new[] { "interfaces[eth1].ingress" }));
    }

    [TestCase(SecretRoute.None), TestCase(SecretRoute.UserData), TestCase(SecretRoute.Store)]
    public void Secrets_without_a_way_are_refused(SecretRoute route)
    {
        var findings = GuestBootstrap.Render(Guests.Sandbox, Guests.Payloads, Guests.Options with { Secrets = route, Beacon = null }).Findings;
        Assert.That(findings.Select(f => f.Capability), Has.All.EqualTo("secrets"));
        Assert.That(findings.Select(f => f.Path), Is.EquivalentTo(new[] { "volumes[keys].files.payload", "sandbox.pullSecrets", "sandbox.containers[web].env" }));
    }

    [TestCase("guestinfo.datum.beacon", true)]
    [TestCase("datum.beacon", false)]
    [TestCase("guestinfo.a b", false)]
    [TestCase("guestinfo.$(reboot)", false)]
    public void A_beacon_s_variable_is_one_of_guestinfo(string target, bool taken)
    {
        var rendered = GuestBootstrap.Render(Guests.Sandbox, Guests.Payloads, Guests.Options with { Beacon = new GuestBeacon { Route = BeaconRoute.GuestInfo, Target = target } });
        Assert.That(rendered.Usable, Is.EqualTo(taken), string.Join(' ', rendered.Findings.Select(f => f.Message)));
        if (taken)
            Assert.That(Rendered.CloudFiles(rendered)["/var/lib/datum/bin/beacon.sh"].Text, Does.Contain("vmware-rpctool \"info-set guestinfo.datum.beacon $report\""));
        else
            Assert.That(rendered.Findings.Select(f => f.Capability), Is.EqualTo(new[] { "guestHealth" }));
    }
}
