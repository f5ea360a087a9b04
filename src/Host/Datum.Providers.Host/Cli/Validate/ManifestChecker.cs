using System.Text.Json.Nodes;
using Datum.Providers.DevPlane;
using Datum.Providers.Host.Composition;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Manifests;

namespace Datum.Providers.Host.Cli;

/// <summary>Checks manifests as a server with our definitions would, then as this host would.</summary>
internal sealed class ManifestChecker(HostRules rules) : IDisposable
{
    private const string Definition = "CustomResourceDefinition";

    private readonly OfflinePlane _plane = new(RuleRegistration.Create());

    /// <param name="accepted">Called with the objects that a server would take, with its defaults in them, before the host's rules are asked.</param>
    public async Task<IReadOnlyList<ManifestFinding>> CheckAsync(IReadOnlyList<ManifestFile> files, Func<IReadOnlyList<(Manifest Manifest, JsonObject Stored)>, Task>? accepted = null)
    {
        foreach (var crd in Crds.All())
            foreach (var node in YamlJson.Parse(crd.Yaml))
                if (await _plane.CheckAsync(node.AsObject()) is { Accepted: false } refused)
                    throw new InvalidOperationException($"Our own definition {crd.Name} is refused: {refused.Causes[0].Field}: {refused.Causes[0].Message}");

        List<ManifestFinding> findings = [];
        foreach (var error in files.SelectMany(f => f.Errors))
            findings.Add(new ManifestFinding { File = error.File, Line = error.Line, Document = error.Document, Severity = FindingSeverity.Error, Source = FindingSource.File, Message = error.Message });

        // Definitions first: an object may stand before the definition of its kind.
        List<(Manifest Manifest, JsonObject Stored)> taken = [];
        foreach (var manifest in files.SelectMany(f => f.Objects).OrderBy(m => m.Kind == Definition ? 0 : 1))
        {
            var answer = await _plane.CheckAsync(manifest.Json);
            findings.AddRange(answer.Causes.Select(c => Of(manifest, c)));
            if (manifest.Name is null && manifest.Json["metadata"] is JsonObject metadata && metadata.ContainsKey("generateName"))
                findings.Add(new ManifestFinding
                {
                    File = manifest.File, Line = manifest.LineOf("metadata.generateName"), Document = manifest.Document, Kind = manifest.Kind, Namespace = manifest.Namespace,
                    Field = "metadata.generateName", Severity = FindingSeverity.Warning, Source = FindingSource.Server,
                    Message = "kubectl apply needs metadata.name.", Advice = "Use kubectl create, or set metadata.name.",
                });
            if (answer.Stored is not null)
                taken.Add((manifest, answer.Stored));
        }

        if (accepted is not null)
            await accepted(taken);
        foreach (var (manifest, finding) in rules.Check(taken))
            findings.Add(finding with { File = manifest.File, Line = manifest.LineOf(finding.Field ?? ""), Document = manifest.Document, Kind = manifest.Kind, Namespace = manifest.Namespace, Name = manifest.Name });

        var order = files.SelectMany(f => f.Objects.Select(o => o.File).Concat(f.Errors.Select(e => e.File))).Distinct(StringComparer.Ordinal).ToList();
        return [.. findings.OrderBy(f => order.IndexOf(f.File)).ThenBy(f => f.Line).ThenBy(f => f.Document).ThenBy(f => f.Field, StringComparer.Ordinal)];
    }

    public void Dispose() => _plane.Dispose();

    private ManifestFinding Of(Manifest manifest, OfflineCause cause) => new()
    {
        File = manifest.File, Line = manifest.LineOf(cause.Field), Document = manifest.Document, Kind = manifest.Kind, Namespace = manifest.Namespace, Name = manifest.Name,
        Field = cause.Field.Length == 0 ? null : cause.Field, Severity = FindingSeverity.Error, Source = FindingSource.Server,
        Message = cause.Message, Advice = Advice(manifest, cause),
    };

    private string? Advice(Manifest manifest, OfflineCause cause) => cause.Reason switch
    {
        "NoMatch" => KindAdvice(manifest),
        _ when manifest.Kind == ResourceTypes.Locations.Kind && cause.Field == "spec.provider" => "It needs exactly one block, whose key is the driver.",
        OfflinePlane.UnknownField => FieldAdvice(manifest, cause.Field),
        "FieldValueRequired" => $"Add {cause.Field}.",
        "FieldValueNotSupported" => "Use one of the supported values.",
        "FieldValueTypeInvalid" or "FieldValueInvalid" or "FieldValueTooLong" or "FieldValueTooMany" or "FieldValueDuplicate" or "FieldValueForbidden" => $"Correct {cause.Field}.",
        _ => null,
    };

    private string KindAdvice(Manifest manifest)
    {
        if (_plane.VersionsOf(manifest.Kind) is { Count: > 0 } versions)
            return $"{manifest.Kind} is served in {string.Join(" and ", versions)}: correct apiVersion.";
        var kinds = _plane.KindsOf(manifest.ApiVersion);
        return kinds.Count > 0
            ? $"{manifest.ApiVersion} has {string.Join(", ", kinds)}: correct kind, or give its CustomResourceDefinition with another -f."
            : "It is none of our kinds, so that it can't be checked here: leave it out, or give its CustomResourceDefinition with another -f.";
    }

    /// <summary>The fields that could stand there, the nearest name first.</summary>
    private string FieldAdvice(Manifest manifest, string path)
    {
        var cut = path.LastIndexOf('.');
        var (parent, name) = cut < 0 ? ("", path) : (path[..cut], path[(cut + 1)..]);
        var schema = Below(_plane.SchemaOf(manifest.ApiVersion, manifest.Kind), parent);
        var known = (schema?["properties"] as JsonObject)?.Select(p => p.Key).ToList() ?? [];
        if (known.Count == 0)
            return "Remove it.";
        return NearMiss.Of(name, known) is [var near, ..]
            ? $"Did you mean {near}?"
            : $"Remove it; {(parent.Length == 0 ? manifest.Kind : parent)} has {string.Join(", ", known.Order(StringComparer.Ordinal))}.";
    }

    private static JsonObject? Below(JsonObject? schema, string path)
    {
        foreach (var part in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = part.Split('[')[0];
            schema = (schema?["properties"]?[name] ?? schema?["additionalProperties"]) as JsonObject;
            for (var i = part.Count(c => c == '['); i > 0; i--)
                schema = schema?["items"] as JsonObject;
        }

        return schema;
    }
}
