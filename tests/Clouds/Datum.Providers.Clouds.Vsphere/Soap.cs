using System.Diagnostics.CodeAnalysis;
using System.Xml;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>A reference to a managed object.</summary>
/// <param name="Type">Its type, e.g. <c>VirtualMachine</c>.</param>
/// <param name="Value">Its id, e.g. <c>vm-42</c>.</param>
public sealed record MoRef(string Type, string Value)
{
    /// <summary>The reference that an element holds.</summary>
    public static MoRef Of(XElement element) => new((string?)element.Attribute("type") ?? "", element.Value);

    /// <summary>The reference as an element.</summary>
    public XElement As(string name) => new(Soap.Vim + name, new XAttribute("type", Type), Value);

    /// <inheritdoc/>
    public override string ToString() => $"{Type}:{Value}";
}

/// <summary>A fault in the words of vim25.</summary>
[SuppressMessage("Naming", "CA1710", Justification = "vim25 calls them faults.")]
public sealed class VimFault(string type, string message, params object[] members) : Exception(message)
{
    /// <summary>The fault's type, e.g. <c>DuplicateName</c>.</summary>
    public string Type => type;

    /// <summary>Its members.</summary>
    public IReadOnlyList<object> Members => members;

    /// <summary>True when it came instead of a task.</summary>
    public bool AtOnce { get; init; }

    /// <summary>The fault of an element whose xsi:type names it.</summary>
    public static VimFault Of(XElement fault, string message) => new(Soap.TypeOf(fault) ?? "RuntimeFault", message, [.. fault.Elements().Select(e => new XElement(e))]);

    /// <summary>The members as copies, for one more message.</summary>
    public object[] Copies() => [.. members.Select(m => m is XElement e ? new XElement(e) : m)];
}

/// <summary>SOAP 1.1 messages of vim25. Everything that is read is normalized: types by their bare name, those of XML Schema as <c>xsd:name</c>.</summary>
public static class Soap
{
    /// <summary>Namespace of vim25.</summary>
    public static readonly XNamespace Vim = "urn:vim25";

    /// <summary>Namespace of xsi:type.</summary>
    public static readonly XNamespace Xsi = "http://www.w3.org/2001/XMLSchema-instance";

    private static readonly XNamespace Envelope = "http://schemas.xmlsoap.org/soap/envelope/";
    private static readonly XNamespace Xsd = "http://www.w3.org/2001/XMLSchema";

    /// <summary>An element of vim25.</summary>
    public static XElement Element(string name, params object?[] content) => new(Vim + name, content);

    /// <summary>An xsi:type attribute.</summary>
    public static XAttribute Type(string type) => new(Xsi + "type", type);

    /// <summary>A member's element; null where it isn't there.</summary>
    public static XElement? Get(this XElement element, string member) => element.Element(Vim + member);

    /// <summary>All elements of a member.</summary>
    public static IEnumerable<XElement> All(this XElement element, string member) => element.Elements(Vim + member);

    /// <summary>A member's text; null where it isn't there.</summary>
    public static string? Text(this XElement element, string member) => element.Get(member)?.Value;

    /// <summary>The xsi:type of an element; null where it has none.</summary>
    public static string? TypeOf(XElement element) => (string?)element.Attribute(Xsi + "type");

    /// <summary>A value of type xsd:string, as an option's.</summary>
    public static XElement Option(string key, string value) => Element("extraConfig", Element("key", key), Element("value", Type("xsd:string"), value));

    /// <summary>The message around an operation, an answer or a fault.</summary>
    public static byte[] Write(XElement content)
    {
        var envelope = new XElement(Envelope + "Envelope",
            new XAttribute(XNamespace.Xmlns + "soapenv", Envelope.NamespaceName), new XAttribute(XNamespace.Xmlns + "xsd", Xsd.NamespaceName),
            new XAttribute(XNamespace.Xmlns + "xsi", Xsi.NamespaceName), new XElement(Envelope + "Body", content));
        using var stream = new MemoryStream();
        using (var writer = XmlWriter.Create(stream, new XmlWriterSettings { Encoding = new System.Text.UTF8Encoding(false) }))
            envelope.Save(writer);
        return stream.ToArray();
    }

    /// <summary>What a message holds. Throws <see cref="XmlException"/> and <see cref="InvalidDataException"/> for what is no SOAP.</summary>
    public static XElement Read(ReadOnlyMemory<byte> message)
    {
        using var stream = new MemoryStream(message.ToArray());
        using var reader = XmlReader.Create(stream, new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit });
        var root = XElement.Load(reader);
        var content = root.Name == Envelope + "Envelope" ? root.Element(Envelope + "Body")?.Elements().FirstOrDefault() : null;
        if (content is null)
            throw new InvalidDataException("The message is no SOAP envelope with a body.");
        Normalize(content);
        return content;
    }

    /// <summary>A fault's element.</summary>
    public static XElement Fault(VimFault fault) => new(Envelope + "Fault", new XElement("faultcode", "ServerFaultCode"), new XElement("faultstring", fault.Message),
        new XElement("detail", Element(fault.Type + "Fault", [Type(fault.Type), .. fault.Copies()])));

    /// <summary>The fault of an answer; null for an answer of success.</summary>
    public static VimFault? FaultOf(XElement answer)
    {
        if (answer.Name != Envelope + "Fault")
            return null;
        var message = (string?)answer.Element("faultstring") ?? "";
        return answer.Element("detail")?.Elements().FirstOrDefault() is { } detail
            ? new VimFault(TypeOf(detail) ?? detail.Name.LocalName.Replace("Fault", "", StringComparison.Ordinal), message, [.. detail.Elements().Select(e => new XElement(e))]) { AtOnce = true }
            : new VimFault("RuntimeFault", message) { AtOnce = true };
    }

    private static void Normalize(XElement root)
    {
        foreach (var element in root.DescendantsAndSelf())
            if (element.Attribute(Xsi + "type") is { } type)
            {
                var colon = type.Value.IndexOf(':', StringComparison.Ordinal);
                var space = colon < 0 ? null : element.GetNamespaceOfPrefix(type.Value[..colon]);
                // govc declares no prefix xsd, and vCenter takes it.
                type.Value = space == Xsd || (space is null && type.Value.StartsWith("xsd:", StringComparison.Ordinal)) ? "xsd:" + type.Value[(colon + 1)..] : type.Value[(colon + 1)..];
            }

        foreach (var element in root.DescendantsAndSelf())
            element.Attributes().Where(a => a.IsNamespaceDeclaration).Remove();
    }
}
