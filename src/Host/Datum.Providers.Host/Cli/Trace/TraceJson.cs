using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Host.Cli.Trace;

/// <summary>Result of <c>trace -o json</c>; the fields stand in docs/reference/trace.md.</summary>
internal sealed record TraceResult
{
    public required TraceResultNode Tree { get; init; }

    /// <summary>The key of the node that was asked for.</summary>
    public required string Focus { get; init; }

    public required TraceResultVerdict Verdict { get; init; }

    public required HostSight Host { get; init; }

    public required IReadOnlyList<TraceGap> Gaps { get; init; }

    public static TraceResult Of(TraceTree tree, Verdict verdict) => new()
    {
        Tree = TraceResultNode.Of(tree.Top, new HashSet<TraceNode>(ReferenceEqualityComparer.Instance)),
        Focus = tree.Focus.Key,
        Verdict = new TraceResultVerdict
        {
            Ready = verdict.Ready, Todo = verdict.Todo,
            Cause = verdict.First is { } first ? TraceResultCause.Of(first) : null,
            Others = [.. verdict.Others.Select(TraceResultCause.Of)],
        },
        Host = tree.Host,
        Gaps = tree.Gaps,
    };
}

internal sealed record TraceResultVerdict
{
    public required bool Ready { get; init; }

    /// <summary>The last line of the text.</summary>
    public required string Todo { get; init; }

    public TraceResultCause? Cause { get; init; }

    public required IReadOnlyList<TraceResultCause> Others { get; init; }
}

internal sealed record TraceResultCause
{
    public required string Object { get; init; }

    public required string Reason { get; init; }

    public required string Message { get; init; }

    /// <summary>Nobody, Time, User, PlatformOperator or DriverAuthor.</summary>
    public required string Who { get; init; }

    /// <summary>Host, Wish, Reference, Hold, Place, Account, Platform, Driver, Gap or Time.</summary>
    public required string Order { get; init; }

    public required string Todo { get; init; }

    public static TraceResultCause Of(Cause cause) => new()
    {
        Object = cause.Node.Key, Reason = cause.Advice.Reason, Message = cause.Node.Message, Who = cause.Advice.Who.ToString(), Order = cause.Order.ToString(), Todo = cause.Todo,
    };
}

internal sealed record TraceResultNode
{
    public required string Key { get; init; }

    public required string Kind { get; init; }

    public string? Namespace { get; init; }

    public required string Name { get; init; }

    public string? Label { get; init; }

    /// <summary>Ok, Waiting, Failed or Unknown.</summary>
    public string? Mark { get; init; }

    public string? Condition { get; init; }

    public string? Status { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }

    public DateTimeOffset? Created { get; init; }

    public DateTimeOffset? Since { get; init; }

    public long? Generation { get; init; }

    public long? SeenGeneration { get; init; }

    public bool? Deleting { get; init; }

    public bool? Missing { get; init; }

    public IReadOnlyList<string>? Details { get; init; }

    /// <summary>True: the node stands in full further up.</summary>
    public bool? See { get; init; }

    public IReadOnlyList<TraceResultNode>? Needs { get; init; }

    public IReadOnlyList<TraceResultNode>? Children { get; init; }

    public static TraceResultNode Of(TraceNode node, HashSet<TraceNode> seen)
    {
        var head = new TraceResultNode { Key = node.Key, Kind = node.Kind, Namespace = node.Namespace, Name = node.Name };
        return !seen.Add(node) ? head with { See = true } : head with
        {
            Label = node.Label,
            Mark = node.Mark.ToString(),
            Condition = node.Condition,
            Status = node.Status,
            Reason = node.Reason.Length == 0 ? null : node.Reason,
            Message = node.Message.Length == 0 ? null : node.Message,
            Created = node.Created,
            Since = node.Since,
            Generation = node.Generation,
            SeenGeneration = node.SeenGeneration,
            Deleting = node.Deleting ? true : null,
            Missing = node.Missing ? true : null,
            Details = node.Details.Count == 0 ? null : node.Details,
            Needs = node.Needs.Count == 0 ? null : [.. node.Needs.Select(n => Of(n, seen))],
            Children = node.Children.Count == 0 ? null : [.. node.Children.Select(n => Of(n, seen))],
        };
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true, MaxDepth = 256,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(TraceResult))]
internal sealed partial class TraceJson : JsonSerializerContext
{
    /// <summary>With text as it is, as the other commands' results are.</summary>
    public static TraceJson Readable => field ??= new TraceJson(new JsonSerializerOptions(Default.GeneratedSerializerOptions!) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
