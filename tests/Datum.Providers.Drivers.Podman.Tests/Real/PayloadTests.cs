using System.Text;
using System.Text.Json;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Podman.Tests.Real;

[TestFixture]
public sealed class PayloadTests : PodmanFixture
{
    private const string Canary = "canary-7f3e91";

    private static readonly PayloadReference Config = new() { Name = "settings", Secret = false, Hash = "h1" };
    private static readonly PayloadReference Secret = new() { Name = "creds", Secret = true, Hash = "h2" };

    private static readonly FixedPayloads Contents = new(new()
    {
        ["settings"] = new() { ["color"] = "blue", ["app.conf"] = "line one\nline two\n" },
        ["creds"] = new() { ["token"] = Canary, ["empty"] = "" },
    });

    [Test]
    public async Task Variables_and_files_from_config_maps_and_secrets_reach_the_container()
    {
        var instance = NewInstance(Contents);
        var spec = WithPayload(await NetworkAsync());

        await instance.DriveToReadyAsync(spec);

        var output = await ExecAsync(instance.Id.PartId("container-app")!, "env; cat /etc/app/app.conf; cat /etc/app/color; cat /run/creds/the-token; stat -c %a /run/creds/the-token /etc/app/color");
        foreach (var line in new[] { "PLAIN=a=b c", "COLOR=blue", $"TOKEN={Canary}", "CFG_color=blue", "EMPTY=", "line two", "400", "644" })
            Assert.That(output, Does.Contain(line));
        Assert.That(output, Does.Not.Contain("MISSING="));
    }

    [Test]
    public async Task Secrets_go_with_the_instance_and_never_into_labels_facts_or_listings()
    {
        var instance = NewInstance(Contents);
        var spec = WithPayload(await NetworkAsync());
        var ready = await instance.DriveToReadyAsync(spec);
        Assert.That(await SecretsAsync(), Is.Not.Empty);

        var listing = await Driver.Instances!.ListAsync(Calls.New(), new ListQuery { Installation = Installation }, null);
        var container = await GetAsync($"containers/{instance.Id.PartId("container-app")}/json");
        var pod = await GetAsync($"pods/{instance.Id.PartId("pod")}/json");
        Assert.That(container.GetProperty("Config").GetProperty("Labels").GetRawText() + pod.GetProperty("Labels").GetRawText(), Does.Not.Contain(Canary));
        Assert.That(ready + string.Join(';', listing.Value!.Items) + string.Join(';', instance.Id.Parts) + string.Join(';', await SecretsAsync()), Does.Not.Contain(Canary));

        await instance.DriveToAbsentAsync();

        Assert.That(instance.Steps, Does.Contain("Delete payload"));
        Assert.That(await SecretsAsync(), Is.Empty);
    }

    [Test]
    public async Task Contents_that_changed_are_drift_and_contents_that_werent_read_are_none()
    {
        var instance = NewInstance(Contents);
        var network = await NetworkAsync();
        await instance.DriveToReadyAsync(WithPayload(network));

        var changed = await instance.PresentAsync(WithPayload(network, Secret with { Hash = "h3" }));
        var unread = await instance.PresentAsync(WithPayload(network, Secret with { Hash = null }));

        Assert.That(changed.Drift.Single(), Is.EqualTo(new Drift { Path = "sandbox.containers[app].payloads[secret/creds]", Remedy = Remedy.Replace }));
        Assert.That(unread.Drift, Is.Empty);
    }

    [Test]
    public async Task A_key_that_isnt_there_is_refused_with_its_path_before_the_container_is_made()
    {
        var instance = NewInstance(Contents);
        var spec = Web(await NetworkAsync(), c => c with
        {
            Environment = [new EnvironmentVariable { Name = "NOPE", From = new PayloadKey { Payload = Secret, Key = "absent" } }],
        });
        await instance.DriveAsync(spec, o => o is Present<InstanceFacts> { Next.Part: "payload" });

        var outcome = await instance.DoAsync(new Step { Part = "payload", Verb = StepVerb.Create, Class = CreateClass.Named }, spec);

        var error = ((Failed<InstanceFacts>)outcome).Error;
        Assert.That((error.Code, error.Effect, error.Field), Is.EqualTo((ErrorCode.Invalid, Effect.NotApplied, "sandbox.containers[web].env[NOPE]")));
        Assert.That(await SecretsAsync(), Is.Empty);
    }

    [Test]
    public async Task What_a_removal_left_behind_is_listed()
    {
        var instance = NewInstance(Contents);
        await instance.DriveToReadyAsync(WithPayload(await NetworkAsync()));
        using (await Podman.Client.DeleteAsync(new Uri($"pods/{instance.Id.PartId("pod")}?force=true", UriKind.Relative)))
        {
        }

        var listing = await Driver.Instances!.ListAsync(Calls.New(), new ListQuery { Installation = Installation }, null);

        Assert.That(listing.Value!.Items.Single().Name, Is.EqualTo(instance.Id.Name));
        await instance.DriveToAbsentAsync();
        Assert.That(await SecretsAsync(), Is.Empty);
    }

    [Test]
    public async Task A_pull_secret_is_sent_to_its_own_registry_only()
    {
        var pull = new FixedPayloads(new()
        {
            ["registry"] = new() { [".dockerconfigjson"] = $$$"""{"auths":{"https://quay.io/v1":{"auth":"{{{Convert.ToBase64String(Encoding.UTF8.GetBytes($"bob:{Canary}"))}}}"} } }""" },
        });
        var wire = new AnswersPulls("""{"error":"reading manifest 1 in quay.io/x/y: manifest unknown"}""" + "\n");
        var driver = await ConnectAsync(wire: wire);
        var network = await NetworkAsync();

        foreach (var (image, sent) in new[] { ("quay.io/x/y:1", true), ("ghcr.io/x/y:1", false) })
        {
            var instance = NewInstance(pull, driver);
            var web = Web(network, c => c with { Image = image });
            var spec = web with { Sandbox = web.Sandbox! with { PullSecrets = [new PayloadReference { Name = "registry", Secret = true }] } };
            await instance.DriveAsync(spec, o => o is Present<InstanceFacts> { Next.Part: "image-web" });
            var outcome = await instance.DoAsync(((Present<InstanceFacts>)await instance.ObserveAsync(spec)).Next!, spec);

            Assert.That(wire.Last!.Headers.TryGetValues("X-Registry-Auth", out var values), Is.EqualTo(sent), image);
            if (sent)
                Assert.That(Encoding.UTF8.GetString(Convert.FromBase64String(values!.Single().Replace('-', '+').Replace('_', '/'))), Is.EqualTo($$"""{"username":"bob","password":"{{Canary}}"}"""));
            Assert.That(outcome.ToString(), Does.Not.Contain(Canary));
        }
    }

    private static InstanceSpec WithPayload(Reference network, PayloadReference? secret = null)
    {
        var creds = secret ?? Secret;
        return Web(network, _ => new ContainerSpec
        {
            Name = "app",
            Image = PodmanHost.BusyboxImage,
            Command = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"],
            Environment =
            [
                new EnvironmentVariable { Name = "PLAIN", Value = "a=b c" },
                new EnvironmentVariable { Name = "COLOR", From = new PayloadKey { Payload = Config, Key = "color" } },
                new EnvironmentVariable { Name = "TOKEN", From = new PayloadKey { Payload = creds, Key = "token" } },
                new EnvironmentVariable { Name = "EMPTY", From = new PayloadKey { Payload = creds, Key = "empty" } },
                new EnvironmentVariable { Name = "MISSING", From = new PayloadKey { Payload = creds, Key = "nothing", Optional = true } },
                new EnvironmentVariable { Name = "CFG_", AllOf = Config },
            ],
            Mounts = [new MountSpec { Volume = "conf", Path = "/etc/app" }, new MountSpec { Volume = "creds", Path = "/run/creds" }],
        }) with
        {
            Volumes =
            [
                new VolumeSpec { Name = "conf", Files = new FilesVolume { Payload = Config } },
                new VolumeSpec { Name = "creds", Files = new FilesVolume { Payload = creds, Mode = 0b100_000_000, Items = [new FileItem { Key = "token", Path = "the-token" }] } },
            ],
        };
    }

    private async Task<string> ExecAsync(string container, string script)
    {
        using var body = new StringContent(JsonSerializer.Serialize(new { AttachStdout = true, AttachStderr = true, Cmd = new[] { "sh", "-c", script } }), Encoding.UTF8, "application/json");
        using var created = await Podman.Client.PostAsync(new Uri($"containers/{container}/exec", UriKind.Relative), body);
        using var id = JsonDocument.Parse(await created.Content.ReadAsStringAsync());
        using var go = new StringContent("""{"Detach":false,"Tty":false}""", Encoding.UTF8, "application/json");
        using var output = await Podman.Client.PostAsync(new Uri($"exec/{id.RootElement.GetProperty("Id").GetString()}/start", UriKind.Relative), go);
        return await output.Content.ReadAsStringAsync();
    }
}
