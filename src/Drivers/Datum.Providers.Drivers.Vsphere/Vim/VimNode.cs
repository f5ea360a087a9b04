using System.Globalization;
using System.Xml;

namespace Datum.Providers.Drivers.Vsphere.Vim;

/// <summary>A managed object: <c>VirtualMachine</c> and <c>vm-42</c>.</summary>
internal readonly record struct MoRef(string Type, string Value)
{
    public override string ToString() => Value;

    /// <summary>What a reference's value may hold: the platform's are opaque, views have brackets. Anything else comes from a cursor or handle that isn't ours.</summary>
    public static bool IsValue(string text) => text.Length is > 0 and <= 256 && text.All(c => c is > ' ' and <= '~' and not ('<' or '>' or '&' or '"'));
}

/// <summary>One element of an answer. Types of the API are named in attributes, so that one tree reads them all.</summary>
internal sealed class VimNode
{
    private const string Instance = "http://www.w3.org/2001/XMLSchema-instance";
    private const int MaxDepth = 64;
    private const int MaxNodes = 2_000_000;

    private List<VimNode>? _children;

    public required string Name { get; init; }

    /// <summary><c>xsi:type</c> without its prefix; null where the element's own name says it.</summary>
    public string? Type { get; init; }

    /// <summary>The <c>type</c> attribute of a reference.</summary>
    public string? RefType { get; init; }

    public string Text { get; private set; } = "";

    public IReadOnlyList<VimNode> Children => _children ?? [];

    /// <summary>Null where a path of elements leads nowhere.</summary>
    public VimNode? Find(params ReadOnlySpan<string> path)
    {
        var node = this;
        foreach (var name in path)
        {
            VimNode? next = null;
            foreach (var child in node.Children)
                if (child.Name == name)
                {
                    next = child;
                    break;
                }

            if (next is null)
                return null;
            node = next;
        }

        return node;
    }

    public IEnumerable<VimNode> All(string name) => Children.Where(c => c.Name == name);

    /// <summary>The text at a path; null where there is none.</summary>
    public string? String(params ReadOnlySpan<string> path) => Find(path)?.Text;

    public long? Number(params ReadOnlySpan<string> path) => long.TryParse(String(path), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) ? n : null;

    public bool? Flag(params ReadOnlySpan<string> path) => String(path) switch { "true" or "1" => true, "false" or "0" => false, _ => null };

    public DateTimeOffset? Time(params ReadOnlySpan<string> path) =>
        DateTimeOffset.TryParse(String(path), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    /// <summary>The reference at a path.</summary>
    public MoRef? Ref(params ReadOnlySpan<string> path) => Find(path) is { } node ? node.AsRef() : null;

    /// <summary>This element as a reference.</summary>
    public MoRef? AsRef() => RefType is { } type && MoRef.IsValue(Text) ? new MoRef(type, Text) : null;

    /// <summary>
    /// Reads a document. What isn't one, has a document type, or is deeper or larger than any answer throws <see cref="XmlException"/>.
    /// </summary>
    public static VimNode Parse(ReadOnlyMemory<byte> body)
    {
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            // Guests' names may hold what XML 1.0 doesn't; the platform sends it as it is.
            CheckCharacters = false,
            MaxCharactersInDocument = 256 * 1024 * 1024,
        };
        using var stream = new MemoryStream(body.ToArray(), writable: false);
        using var reader = XmlReader.Create(stream, settings);
        var open = new Stack<VimNode>();
        VimNode? root = null;
        var count = 0;
        while (reader.Read())
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    if (open.Count >= MaxDepth || ++count > MaxNodes)
                        throw new XmlException($"The document is deeper than {MaxDepth} or has more than {MaxNodes} elements.");
                    var empty = reader.IsEmptyElement;
                    var node = new VimNode { Name = reader.LocalName, Type = Local(reader.GetAttribute("type", Instance)), RefType = reader.GetAttribute("type") };
                    if (open.TryPeek(out var parent))
                        (parent._children ??= []).Add(node);
                    else
                        root = node;
                    if (!empty)
                        open.Push(node);
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.SignificantWhitespace:
                    if (open.TryPeek(out var holder))
                        holder.Text += reader.Value;
                    break;
                case XmlNodeType.EndElement:
                    open.Pop();
                    break;
                default:
                    break;
            }
        }

        return root ?? throw new XmlException("The document is empty.");
    }

    private static string? Local(string? name) => name is null ? null : name[(name.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
