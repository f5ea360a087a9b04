using System.Globalization;
using System.Text;
using Datum.Providers.Resources.Manifests;
using Datum.Providers.Testing;

namespace Datum.Providers.Resources.Tests;

public sealed class ManifestReaderTests
{
    [Test]
    public void The_project_fragment_is_refused_with_the_line_that_is_missing()
    {
        var path = SharedFolder.Require("seeds", "seeds/manifests/06-project-sample-project.yaml");
        var result = ManifestReader.Read("06.yaml", File.ReadAllBytes(path));
        Assert.That(result.Objects, Is.Empty);
        Assert.That(result.Errors.Single().ToString(), Does.StartWith("06.yaml:1: document 1 has no apiVersion; for kind Project add the line `apiVersion: resourcemanager."));
    }

    [Test]
    public void Every_other_manifest_of_the_seeds_and_every_sample_is_read()
    {
        var folder = SharedFolder.Require("seeds", "seeds/manifests");
        var samples = SharedFolder.Require("seeds", "datum-upstream");
        var files = Directory.GetFiles(folder, "*.yaml").Where(f => !Path.GetFileName(f).StartsWith("06-", StringComparison.Ordinal))
            .Concat(Directory.GetFiles(samples, "*.yaml", SearchOption.AllDirectories).Where(f => f.Contains("/crd/", StringComparison.Ordinal) || f.Contains("samples", StringComparison.Ordinal)))
            .Where(f => Path.GetFileName(f) != "kustomization.yaml").ToList();
        Assert.That(files, Has.Count.GreaterThan(60));
        Assert.Multiple(() =>
        {
            foreach (var file in files)
            {
                var result = ManifestReader.Read(file, File.ReadAllBytes(file));
                Assert.That(result.Errors, Is.Empty, file);
                Assert.That(result.Objects, Is.Not.Empty, file);
            }
        });
    }

    [Test]
    public void Documents_comments_and_lists_become_objects_with_their_lines()
    {
        var result = Read("""
            # a comment
            ---
            # only a comment
            ---
            apiVersion: v1
            kind: List
            items:
            - apiVersion: networking.datumapis.com/v1alpha
              kind: Network
              metadata:
                name: one
              spec:
                ipam:
                  mode: Auto
            - {apiVersion: v1, kind: Secret, metadata: {name: two, namespace: n}}
            --- # the next
            kind: NetworkList
            apiVersion: networking.datumapis.com/v1alpha
            items:
            - metadata: {name: three}
            ...
            """);
        Assert.That(result.Errors, Is.Empty);
        Assert.That(result.Objects.Select(o => $"{o.Document}/{o.Item}:{o.Line} {o.ApiVersion} {o.Kind} {o.Namespace}/{o.Name}"), Is.EqualTo(new[]
        {
            "1/0:8 networking.datumapis.com/v1alpha Network /one", "1/1:15 v1 Secret n/two", "2/0:20 networking.datumapis.com/v1alpha Network /three",
        }));
        Assert.That(result.Objects[0].LineOf("spec.ipam.mode"), Is.EqualTo(14));
        Assert.That(result.Objects[0].LineOf("spec.ipam.ranges[3].cidr"), Is.EqualTo(13), "the nearest member above");
        Assert.That(result.Objects[0].LineOf("status"), Is.EqualTo(8));
    }

    [TestCase("kind: Workload\nmetadata: {name: a}", 1, "document 1 has no apiVersion; for kind Workload add the line `apiVersion: compute.datumapis.com/v1alpha`")]
    [TestCase("# c\n\nkind: Location", 3, "document 1 has no apiVersion; for kind Location add the line `apiVersion: networking.datumapis.com/v1alpha` or `apiVersion: compute.datumapis.com/v1alpha`")]
    [TestCase("kind: Gizmo", 1, "document 1 has no apiVersion; for kind Gizmo add the line `apiVersion: GROUP/VERSION`")]
    [TestCase("metadata: {}", 1, "document 1 has no kind; add the line `kind: KIND`")]
    [TestCase("apiVersion: v1\nmetadata: {}", 1, "document 1 has no kind; add the line `kind: KIND`, v1 has Namespace, Secret, ConfigMap")]
    [TestCase("kind: Workload\n\nApiVersion: compute.datumapis.com/v1alpha", 3, "document 1 has no apiVersion; the key \"ApiVersion\" must be written apiVersion")]
    [TestCase("apiVersion: 1\nkind: Workload", 1, "document 1 has the apiVersion 1; it must be a string that isn't empty")]
    [TestCase("- a\n- b", 1, "document 1 is no object: it needs apiVersion, kind and metadata")]
    [TestCase("apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n- 7", 4, "document 1, item 0, has no apiVersion; for kind Secret add the line `apiVersion: v1`")]
    [TestCase("apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n  name: b", 5, "the key \"name\" is given twice; it stands at line 4 already")]
    [TestCase("{\"kind\":\"Secret\",\n\"apiVersion\":\"v1\",\n\"kind\":\"Secret\"}", 3, "the key \"kind\" is given twice; it stands at line 1 already")]
    [TestCase("apiVersion: v1\nkind: Secret\nmetadata:\n\tname: a", 4, "the line is indented with a tab; YAML takes blanks only")]
    [TestCase("apiVersion: v1\nkind: Secret\nstringData:\n  a: [1, 2\n", 5, "not YAML")]
    [TestCase("apiVersion: v1\nkind: *nobody", 2, "there is no anchor &nobody before this alias")]
    [TestCase("apiVersion: v1\nkind: !!set {a}", 2, "the tag tag:yaml.org,2002:set has no meaning in JSON")]
    [TestCase("apiVersion: v1\n? [a]\n: b", 2, "a key must be a string")]
    [TestCase("{\"kind\": \"Secret\",\n\t\"apiVersion\" \"v1\"}", 2, "not JSON")]
    public void What_is_wrong_is_named_with_its_line(string text, int line, string message)
    {
        var first = Read(text).Errors[0];
        Assert.That(first.ToString(), Does.StartWith($"a.yaml:{line.ToString(CultureInfo.InvariantCulture)}: {message}"));
    }

    [Test]
    public void A_broken_document_does_not_hide_the_others_and_a_broken_text_not_those_before_it()
    {
        var result = Read("apiVersion: v1\nkind: Secret\n---\nkind: Network\n---\napiVersion: v1\nkind: ConfigMap\n---\na: [\n");
        Assert.That(result.Objects.Select(o => $"{o.Document} {o.Kind}"), Is.EqualTo(new[] { "1 Secret", "3 ConfigMap" }));
        Assert.That(result.Errors.Select(e => e.Document), Is.EqualTo(new[] { 2, 0 }));
    }

    [Test]
    public void Json_with_tabs_and_several_values_is_read_with_its_lines()
    {
        var result = Read("{\n\t\"apiVersion\": \"v1\",\n\t\"kind\": \"Secret\",\n\t\"metadata\": {\n\t\t\"name\": \"a\"}}\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\"}");
        Assert.That(result.Errors, Is.Empty);
        Assert.That(result.Objects.Select(o => $"{o.Document}:{o.Line} {o.Kind}"), Is.EqualTo(new[] { "1:1 Secret", "2:6 ConfigMap" }));
        Assert.That(result.Objects[0].LineOf("metadata.name"), Is.EqualTo(5));
    }

    [Test]
    public void Anchors_and_merge_keys_are_written_out()
    {
        var result = Read("apiVersion: v1\nkind: Secret\nx: &x {a: 1, b: [2]}\ny: *x\nz: {<<: *x, a: 3}\n");
        Assert.That(result.Objects.Single().Json.ToJsonString(), Is.EqualTo("""{"apiVersion":"v1","kind":"Secret","x":{"a":1,"b":[2]},"y":{"a":1,"b":[2]},"z":{"a":3,"b":[2]}}"""));
    }

    [Test]
    public void Anchors_that_multiply_or_nest_without_end_are_refused()
    {
        var wide = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 12; i++) wide.Append(CultureInfo.InvariantCulture, $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");
        Assert.That(Read(wide.ToString()).Errors.Single().Message, Does.Contain("stands for more than 500000 values"));

        var deep = new StringBuilder("a0: &a0 [x]\n");
        for (var i = 1; i < 300; i++) deep.Append(CultureInfo.InvariantCulture, $"a{i}: &a{i} [*a{i - 1}]\n");
        Assert.That(Read(deep.ToString()).Errors.Single().Message, Does.Contain("nested deeper than 200 levels"));
        Assert.That(Read("a: " + new string('[', 5000)).Errors.Single().Message, Does.Contain("nested deeper").Or.Contain("not YAML"));
    }

    [Test]
    public void Texts_that_are_no_utf8_are_refused_with_their_line()
    {
        Assert.Multiple(() =>
        {
            Assert.That(ManifestReader.Read("a", "kind: x\nname: \xE4"u8.ToArray()[..^2].Append((byte)0xE4).ToArray()).Errors.Single().ToString(), Is.EqualTo("a:2: the byte 0xE4 isn't UTF-8; save the file as UTF-8"));
            Assert.That(ManifestReader.Read("a", Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes("kind: x")).ToArray()).Errors.Single().Message, Does.Contain("UTF-16"));
            Assert.That(ManifestReader.Read("a", new byte[(16 << 20) + 1]).Errors.Single().Message, Does.Contain("16 MiB"));
            Assert.That(ManifestReader.Read("a", "a\n\0"u8.ToArray()).Errors.Single().ToString(), Does.StartWith("a:2: the file holds a zero byte"));
            Assert.That(ManifestReader.Read("a", new byte[] { 0xEF, 0xBB, 0xBF }.Concat("kind: Secret\napiVersion: v1"u8.ToArray()).ToArray()).Objects, Has.Length.EqualTo(1));
            Assert.That(Read("").Errors, Is.Empty);
        });
    }

    private static ManifestFile Read(string text) => ManifestReader.Read("a.yaml", Encoding.UTF8.GetBytes(text));
}
