using System.Text;
using System.Text.Json.Nodes;
using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Tests.EndToEnd;

/// <summary>Changes of config maps and secrets are rolled out where the Workload asks for it.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class PayloadTests : IDisposable
{
    private const string Canary = "canary-7f3a-secret-value";

    private readonly World _world = new();

    public void Dispose()
    {
        Assert.That(_world.Errors, Is.Empty);
        _world.Dispose();
    }

    private IEnumerable<string> Hashes => _world.Instances.Select(i => i.Spec.Controller!.TemplateHash);

    private void Running(bool watched, int replicas = 3)
    {
        _world.CreateLocation();
        _world.CreateNetwork();
        Put("app", "1");
        PutSecret(Canary);
        _world.CreateWorkload(replicas: replicas, change: w =>
        {
            w.Metadata.Annotations = watched ? new() { [Annotations.RolloutOnChange] = "true" } : null;
            var container = w.Spec.Template.Spec.Runtime.Sandbox!.Containers[0];
            container.EnvFrom = [new EnvironmentSource { ConfigMapRef = new OptionalReference { Name = "app" } }, new EnvironmentSource { ConfigMapRef = new OptionalReference { Name = "extra", Optional = true } }];
            container.Env = [new EnvironmentVariable { Name = "PASSWORD", ValueFrom = new EnvironmentValueSource { SecretKeyRef = new KeyReference { Name = "tls", Key = "key" } } }];
        });
        _world.Settle();
    }

    private void Put(string name, string value) => Store(Core.ConfigMaps, name, new ConfigMap { Data = new() { ["a"] = value } }, m => m.Data = new() { ["a"] = value });

    private void PutSecret(string value) =>
        Store(Core.Secrets, "tls", new Secret { Data = new() { ["key"] = Encoding.UTF8.GetBytes(value) } }, s => s.Data = new() { ["key"] = Encoding.UTF8.GetBytes(value) });

    private void Store<T>(ResourceType<T> type, string name, T value, Action<T> change) where T : KubeObject
    {
        (value.Metadata.Name, value.Metadata.Namespace) = (name, World.Namespace);
        if (_world.Plane.Peek(type, World.Namespace, name) is null)
            _world.Create(type, value);
        else
            _world.Plane.Edit(type, World.Namespace, name, change);
    }

    private void NextLook()
    {
        _world.Time.Advance(TimeSpan.FromSeconds(61));
        _world.Settle();
    }

    [Test]
    public void Without_the_option_nothing_is_read_and_nothing_is_rolled_out()
    {
        Running(watched: false);
        var (reads, writes, hash) = (_world.Plane.Reads, _world.Plane.Writes.Count, Hashes.First());
        Put("app", "2");
        writes += 1;
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That((_world.Plane.Reads, Hashes.First()), Is.EqualTo((reads, hash)));
        Assert.That(_world.Plane.Writes.Skip(writes).Where(w => w.Plural != "configmaps"), Is.Empty);
        Assert.That(hash, Is.EqualTo(TemplateHash.Of(_world.Deployment().Spec.Template)));
    }

    [Test]
    public void A_change_is_rolled_out_one_instance_after_the_other_and_the_way_back_too()
    {
        Running(watched: true);
        var plain = TemplateHash.Of(_world.Deployment().Spec.Template);
        Assert.That(Hashes, Is.All.EqualTo(plain), "the content at first sight changes nothing");
        var uids = _world.Instances.Select(i => i.Metadata.Uid).ToList();

        Put("app", "2");
        NextLook();
        Assert.Multiple(() =>
        {
            Assert.That(Hashes.Distinct().Single(), Is.Not.EqualTo(plain));
            Assert.That(_world.Provider.MostUnready, Is.EqualTo(1));
            Assert.That(_world.Instances.Select(i => i.Metadata.Uid), Is.EqualTo(uids));
            var noted = JsonNode.Parse(_world.Instances[0].Metadata.Annotation(Annotations.PayloadVersions)!)!.AsObject();
            Assert.That(noted.Select(n => n.Key), Is.EqualTo(new[] { "configmap/app" }), "only what changed");
        });

        Put("app", "1");
        NextLook();
        Assert.That(Hashes, Is.All.EqualTo(plain));
        Assert.That(_world.Instances[0].Metadata.Annotation(Annotations.PayloadVersions), Is.Null);
    }

    [Test]
    public void A_secret_is_rolled_out_and_none_of_its_values_is_written_anywhere()
    {
        Running(watched: true, replicas: 1);
        var before = Hashes.Single();
        PutSecret(Canary + "-rotated");
        NextLook();
        Assert.That(Hashes.Single(), Is.Not.EqualTo(before));

        // L12: neither the values nor anything that everybody could compute from them.
        var text = string.Join('\n', Written(ResourceTypes.Workloads).Concat(Written(ResourceTypes.WorkloadDeployments)).Concat(Written(ResourceTypes.Instances)));
        Assert.That(text, Does.Contain("secret/tls"));
        foreach (var value in new[] { Canary, Canary + "-rotated" })
        {
            var bytes = Encoding.UTF8.GetBytes(value);
            Assert.That(text, Does.Not.Contain(value).And.Not.Contain(Convert.ToBase64String(bytes))
                .And.Not.Contain(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(bytes))[..16]));
        }

        Assert.That(PayloadVersions.HashOf("uid-1", Content("x")), Is.Not.EqualTo(PayloadVersions.HashOf("uid-2", Content("x"))), "keyed");

        static Dictionary<string, ReadOnlyMemory<byte>> Content(string value) => new() { ["k"] = Encoding.UTF8.GetBytes(value) };
    }

    [Test]
    public void At_rest_nothing_is_written_and_each_payload_is_read_once_a_minute()
    {
        // L8, with the reads as a declared budget.
        Running(watched: true, replicas: 1);
        var (reads, writes) = (_world.Plane.Reads, _world.Plane.Writes.Count);
        _world.Time.Advance(TimeSpan.FromHours(1));
        Assert.That(_world.Plane.Writes.Skip(writes), Is.Empty);
        Assert.That(_world.Plane.Reads - reads, Is.InRange(3 * 55, 3 * 61));
        _world.Restart();
        _world.Time.Advance(TimeSpan.FromMinutes(5));
        Assert.That(_world.Plane.Writes.Skip(writes), Is.Empty);
    }

    [Test]
    public void What_is_needed_and_vanishes_takes_nothing_down_and_what_is_optional_does_change()
    {
        Running(watched: true, replicas: 1);
        var before = Hashes.Single();
        _world.Delete(Core.Secrets, "tls");
        NextLook();
        Assert.That(Hashes.Single(), Is.EqualTo(before));
        Put("extra", "x");
        NextLook();
        Assert.That(Hashes.Single(), Is.Not.EqualTo(before));
    }

    [Test]
    public void Switching_it_on_and_off_rolls_nothing_out()
    {
        Running(watched: false);
        var writes = _world.Plane.Writes.Count(w => w is { Plural: "instances", Subresource: null });
        _world.Annotate("web", Annotations.RolloutOnChange, "true");
        NextLook();
        Assert.That(_world.Plane.Writes.Count(w => w is { Plural: "instances", Subresource: null }), Is.EqualTo(writes));
        Put("app", "2");
        NextLook();
        var hash = Hashes.First();
        _world.Annotate("web", Annotations.RolloutOnChange, null);
        Put("app", "3");
        NextLook();
        Assert.That(Hashes, Is.All.EqualTo(hash), "what was seen stays");
    }

    [Test]
    public void A_new_instance_is_made_with_what_is_known_now()
    {
        Running(watched: true, replicas: 1);
        Put("app", "2");
        NextLook();
        _world.Edit("web", w => w.Spec.Placements[0].ScaleSettings.MinReplicas = 2);
        _world.Settle();
        Assert.That(_world.Instances.Select(i => i.Metadata.Annotation(Annotations.PayloadVersions)).Distinct().Count(), Is.EqualTo(1));
        Assert.That(Hashes.Distinct().Count(), Is.EqualTo(1));
    }

    private IEnumerable<string> Written<T>(ResourceType<T> type) where T : KubeObject => _world.Plane.Live(type).Select(o => System.Text.Json.JsonSerializer.Serialize(o, type.Json));
}
