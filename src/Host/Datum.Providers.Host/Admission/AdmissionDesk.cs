using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Validation;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Admission;

/// <summary>
/// Answers admission reviews. An early answer and never the only check: what can't be found out in time is let through with a warning, since
/// the host looks again before it calls a platform.
/// </summary>
/// <param name="rules">What the plane says; null while its caches aren't filled.</param>
internal sealed partial class AdmissionDesk(IKubernetesClient client, Func<PlaneRules?> rules, ILogger<AdmissionDesk> logger)
{
    private const int MostWarnings = 20;
    private const int WarningLength = 240;

    public async Task<AdmissionResponse> AnswerAsync(AdmissionRequest request, CancellationToken cancellation)
    {
        // Nothing else is configured to come here; who sends it all the same gets it back unjudged.
        if (request.Operation is not ("CREATE" or "UPDATE") || !string.IsNullOrEmpty(request.SubResource) || request.Object is not { } value)
            return Allow(request, []);
        Defaults(request, value);
        if (request.OldObject is { } former)
            Defaults(request, former);
        if (value["metadata"]?["deletionTimestamp"] is not null || (request.OldObject is { } before && !Differs(before, value)))
            return Allow(request, []);

        List<Judgement> found;
        try
        {
            found = Judge(value, request.OldObject);
            found.AddRange(await UseAsync(request, value, cancellation));
        }
        catch (JsonException e)
        {
            LogUnreadable(logger, (string?)value["kind"] ?? "", request.Namespace ?? "", request.Name ?? "", e.Path ?? "");
            return Allow(request, [$"{e.Path?.TrimStart('$', '.')}: the host can't read the object, and leaves it alone"]);
        }

        var refusals = found.Where(f => f.Refuses).Select(f => f.Violation).ToList();
        var warnings = found.Where(f => !f.Refuses).Select(f => $"{f.Violation.Field}: {f.Violation.Message}").ToList();
        return refusals.Count == 0 ? Allow(request, warnings) : Refuse(request, value, refusals, warnings);
    }

    /// <summary>The object's own rules and the plane's. What an update leaves as it was is only told: nobody could mend one fault beside another otherwise.</summary>
    public List<Judgement> Judge(JsonObject value, JsonObject? old)
    {
        var known = new HashSet<(string, string, string)>();
        if (old is not null)
            known.UnionWith(All(old).Select(j => (j.Violation.Rule.Id, j.Violation.Field, j.Violation.Message)));
        return [.. All(value).Select(j => j.Refuses && known.Contains((j.Violation.Rule.Id, j.Violation.Field, j.Violation.Message)) ? j with { Refuses = false } : j)];
    }

    private IEnumerable<Judgement> All(JsonObject value) =>
        ObjectRules.Check(value).Select(v => new Judgement(v, true)).Concat(rules()?.Check(value) ?? []);

    /// <summary>Asks whether who writes a Workload may use its Networks, as upstream does; on an update only about those that weren't there before.</summary>
    private async Task<List<Judgement>> UseAsync(AdmissionRequest request, JsonObject value, CancellationToken cancellation)
    {
        if ((string?)value["kind"] != ResourceTypes.Workloads.Kind)
            return [];
        var before = request.OldObject is { } old ? PlaneRules.NetworksOf(old.Deserialize(ResourceTypes.Workloads.Json)!).Select(n => n.Network).ToHashSet() : [];
        var answers = new List<Judgement>();
        foreach (var network in PlaneRules.NetworksOf(value.Deserialize(ResourceTypes.Workloads.Json)!).Where(n => !before.Contains(n.Network)).DistinctBy(n => n.Network))
        {
            var review = SubjectAccessReview.Type.Stamp(new SubjectAccessReview
            {
                Spec = new AccessReviewSpec
                {
                    User = request.UserInfo.Username, Uid = request.UserInfo.Uid, Groups = request.UserInfo.Groups, Extra = request.UserInfo.Extra,
                    ResourceAttributes = new ResourceAttributes { Verb = "use", Group = ResourceTypes.NetworkingGroup, Version = "v1alpha", Resource = ResourceTypes.Networks.Plural, Namespace = network.Network.Namespace, Name = network.Network.Name },
                },
            });
            try
            {
                if ((await client.CreateAsync(SubjectAccessReview.Type, review, cancellation)).Status?.Allowed != true)
                    answers.Add(new(Rules.NetworkUse.At(network.Path, $"{request.UserInfo.Username} may not use Network {network.Network}: ask who runs the project for the verb use on networks.{ResourceTypes.NetworkingGroup} there."), true));
            }
            catch (Exception e) when (e is KubernetesException or HttpRequestException)
            {
                LogNotAsked(logger, network.Network.ToString(), e.Message);
                answers.Add(new(Rules.NetworkUse.At(network.Path, $"Whether {request.UserInfo.Username} may use Network {network.Network} couldn't be asked."), false));
            }
        }

        return answers;
    }

    /// <summary>Whether anything changed that a rule looks at.</summary>
    private static bool Differs(JsonObject before, JsonObject after) =>
        !JsonNode.DeepEquals(before["spec"], after["spec"]) || !JsonNode.DeepEquals(before["metadata"]?["annotations"], after["metadata"]?["annotations"]);

    // An object under creation needn't name its own namespace.
    private static void Defaults(AdmissionRequest request, JsonObject value)
    {
        if (!string.IsNullOrEmpty(request.Namespace) && value["metadata"] is JsonObject metadata && metadata["namespace"] is null)
            metadata["namespace"] = request.Namespace;
    }

    private static AdmissionResponse Allow(AdmissionRequest request, List<string> warnings) => new() { Uid = request.Uid, Allowed = true, Warnings = Short(warnings) };

    private static AdmissionResponse Refuse(AdmissionRequest request, JsonObject value, List<Violation> refusals, List<string> warnings)
    {
        var (kind, group) = ((string?)value["kind"] ?? "", ((string?)value["apiVersion"] ?? "").Split('/')[0]);
        var name = (string?)value["metadata"]?["name"] ?? (string?)value["metadata"]?["generateName"] ?? "";
        var sentences = refusals.Select(v => v.Message.StartsWith(v.Field, StringComparison.Ordinal) ? v.Message : $"{v.Field}: {v.Message}").Distinct(StringComparer.Ordinal).ToList();
        return new AdmissionResponse
        {
            Uid = request.Uid, Allowed = false, Warnings = Short(warnings),
            Status = new AdmissionStatus
            {
                Code = refusals.TrueForAll(v => v.Rule == Rules.NetworkUse) ? 403 : 422, Reason = refusals.TrueForAll(v => v.Rule == Rules.NetworkUse) ? "Forbidden" : "Invalid",
                Message = $"{kind}.{group} \"{name}\" is invalid: {(sentences.Count == 1 ? sentences[0] : $"[{string.Join(", ", sentences)}]")}",
                Details = new StatusDetails
                {
                    Name = name, Group = group, Kind = kind,
                    Causes = [.. refusals.Select(v => new StatusCause { Reason = v.Rule == Rules.NetworkUse ? "FieldValueForbidden" : "FieldValueInvalid", Field = v.Field, Message = $"{v.Message} ({v.Rule.Id})" })],
                },
            },
        };
    }

    // Longer ones are cut by the server, and too many are dropped.
    private static List<string>? Short(List<string> warnings) =>
        warnings.Count == 0 ? null : [.. warnings.Distinct(StringComparer.Ordinal).Take(MostWarnings).Select(w => w.Length <= WarningLength ? w : string.Concat(w.AsSpan(0, WarningLength), "…"))];

    [LoggerMessage(EventId = 1401, Level = LogLevel.Warning, Message = "Whether a Network ({Network}) may be used can't be asked, so it was let through: {Reason}. Grant create on subjectaccessreviews.authorization.k8s.io")]
    private static partial void LogNotAsked(ILogger logger, string network, string reason);

    [LoggerMessage(EventId = 1402, Level = LogLevel.Warning, Message = "{Kind} {Namespace}/{Name} came to the webhook and can't be read at {Field}; it was let through")]
    private static partial void LogUnreadable(ILogger logger, string kind, string @namespace, string name, string field);
}
